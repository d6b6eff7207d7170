"""Writes audit events."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import TypedDict, Unpack
from uuid import UUID

from django.contrib.admin.models import LogEntry
from django.db import connections, transaction
from django.db.models import Model
from django.db.transaction import TransactionManagementError

from apps.audit.models import AuditEvent
from apps.isolation.app_registry import SHARED_DB
from apps.isolation.context import Identified
from apps.observability.request_id import request_id

HIDDEN = re.compile("password|secret|token|hash|key|email|full_name", re.IGNORECASE)


class Action(StrEnum):
    """Kinds of audit events. A new kind begins with a line here."""

    ADDRESS_CHANGED = "account.address_changed"
    ADDRESS_VERIFIED = "account.address_verified"
    CROSS_TENANT = "platform.cross_tenant"
    DOMAIN_ADDED = "domain.added"
    DOMAIN_CHANGED = "domain.changed"
    DOMAIN_REMOVED = "domain.removed"
    EXPORT_ORDERED = "export.ordered"
    EXPORT_READ = "export.read"
    INVITATION_ACCEPTED = "invitation.accepted"
    INVITATION_RESENT = "invitation.resent"
    INVITATION_REVOKED = "invitation.revoked"
    INVITATION_SENT = "invitation.sent"
    LOGGED_IN = "session.logged_in"
    LOGGED_OUT = "session.logged_out"
    LOG_IN_FAILED = "session.log_in_failed"
    MEMBER_JOINED = "member.joined"
    MEMBER_LEFT = "member.left"
    MEMBER_REMOVED = "member.removed"
    MEMBER_ROLE_CHANGED = "member.role_changed"
    OWNERSHIP_TRANSFERRED = "tenant.ownership_transferred"
    PASSWORD_CHANGED = "account.password_changed"  # noqa: S105 - the name of an event
    PASSWORD_RESET = "account.password_reset"  # noqa: S105
    PRIVACY_CONTENT_READ = "privacy.content_read"
    PRIVACY_DONE = "privacy.done"
    PRIVACY_FAILED = "privacy.failed"
    PRIVACY_REQUESTED = "privacy.requested"
    SECOND_FACTOR_OFF = "account.second_factor_off"
    SECOND_FACTOR_ON = "account.second_factor_on"
    SIGNED_UP = "account.signed_up"
    TENANT_ARCHIVED = "tenant.archived"
    TENANT_CHANGED = "tenant.changed"
    TENANT_CREATED = "tenant.created"
    TENANT_EXPORTED = "tenant.exported"
    TENANT_HELD = "tenant.held"
    TENANT_IMPORTED = "tenant.imported"
    TENANT_MOVE_BEGUN = "tenant.move_begun"
    TENANT_MOVE_CANCELLED = "tenant.move_cancelled"
    TENANT_MOVED = "tenant.moved"
    TENANT_MOVED_BACK = "tenant.moved_back"
    TENANT_PURGE_BEGUN = "tenant.purge_begun"
    TENANT_PURGED = "tenant.purged"
    TENANT_RELEASED = "tenant.released"
    TENANT_RENAMED = "tenant.renamed"
    TENANT_RESTORED = "tenant.restored"
    TENANT_RESUMED = "tenant.resumed"
    TENANT_RETURNED = "tenant.returned"
    TENANT_SUSPENDED = "tenant.suspended"
    TENANT_SWITCHED = "session.tenant_switched"
    TOKEN_REUSED = "session.token_reused"  # noqa: S105
    USER_ADDED = "user.added"
    USER_CHANGED = "user.changed"


class Details(TypedDict, total=False):
    """Optional details of an event."""

    before: Mapping[str, object]
    after: Mapping[str, object]
    reason: str


def record(
    action: Action,
    of: Model | None = None,
    *,
    tenant: Identified | UUID | None,
    actor: Model | UUID | None,
    **details: Unpack[Details],
) -> None:
    """Record an action of ``actor``, in the transaction of the change.

    ``before`` and ``after`` are values of fields by name. Values that differ are stored; of secrets
    and personal data, only the fact that they differ. Raises TransactionManagementError outside a
    transaction of the shared data, in which the change could be stored without the event.
    """
    if not connections[SHARED_DB].in_atomic_block:
        message = (
            "record() must be called in the transaction of the change: atomic(using=SHARED_DB)."
        )
        raise TransactionManagementError(message)
    AuditEvent(
        tenant_id=tenant if isinstance(tenant, UUID | None) else tenant.id,
        actor_id=actor.pk if isinstance(actor, Model) else actor,
        action=action.value,
        object_type=of._meta.label_lower if of else "",
        object_id=str(of.pk) if of else "",
        request_id=request_id.get(),
        reason=details.get("reason", ""),
        changes=differences(details.get("before", {}), details.get("after", {})),
    ).save(force_insert=True)


def record_cross_tenant(*, reason: str, **kwargs: object) -> None:
    """Record a cross-tenant operation; the event is committed before the operation begins."""
    with transaction.atomic(using=SHARED_DB, durable=True):
        record(Action.CROSS_TENANT, tenant=None, actor=None, reason=reason)


def forget_name(of: Model) -> None:
    """Remove a user's address from the entries about them in the admin's log."""
    LogEntry.objects.filter(object_id=str(of.pk)).update(object_repr="")


def differences(
    before: Mapping[str, object], after: Mapping[str, object]
) -> dict[str, dict[str, object]]:
    """Return the differences with values before and after, but without hidden values."""
    return {
        name: _shown(name, before.get(name), after.get(name))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    }


def _shown(name: str, before: object, after: object) -> dict[str, object]:
    if HIDDEN.search(name):
        return {"before": "…", "after": "…"}
    return {"before": before, "after": after}
