"""Statuses of a tenant, and the only changes between them.

``apps.offboarding`` continues where `purge` begins: it deletes what belongs to the tenant.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model
from django.dispatch import Signal
from django.utils import timezone

from apps.audit.services import Action, record
from apps.isolation.app_registry import SHARED_DB
from apps.tenants.models import Status, Tenant
from apps.tenants.settings import change_tenant

status_changed = Signal()
"""Sent with the ``tenant`` and the ``transition``, in the transaction that stores the status."""


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of the status: its verb, the statuses that it starts from, its end, its event."""

    verb: str
    sources: frozenset[Status]
    target: Status
    action: Action


def _from(*sources: Status) -> frozenset[Status]:
    return frozenset(sources)


OPEN: Final = Transition(
    "opened", _from(Status.PREPARING, Status.IMPORTING), Status.ACTIVE, Action.TENANT_CREATED
)
SUSPEND: Final = Transition(
    "suspended", _from(Status.ACTIVE), Status.SUSPENDED, Action.TENANT_SUSPENDED
)
RESUME: Final = Transition("resumed", _from(Status.SUSPENDED), Status.ACTIVE, Action.TENANT_RESUMED)
ARCHIVE: Final = Transition(
    "archived",
    _from(Status.ACTIVE, Status.SUSPENDED),
    Status.ARCHIVED,
    Action.TENANT_ARCHIVED,
)
RESTORE: Final = Transition(
    "restored", _from(Status.ARCHIVED), Status.ACTIVE, Action.TENANT_RESTORED
)
MOVE: Final = Transition("moved", _from(Status.ACTIVE), Status.MOVING, Action.TENANT_MOVE_BEGUN)
CANCEL_MOVE: Final = Transition(
    "kept here", _from(Status.MOVING), Status.ACTIVE, Action.TENANT_MOVE_CANCELLED
)
COMPLETE_MOVE: Final = Transition(
    "handed over", _from(Status.MOVING), Status.MOVED, Action.TENANT_MOVED
)
MOVE_BACK: Final = Transition(
    "moved back", _from(Status.MOVED), Status.ACTIVE, Action.TENANT_MOVED_BACK
)
RETURN: Final = Transition(
    "returned", _from(Status.SUSPENDED), Status.IMPORTING, Action.TENANT_RETURNED
)
PURGE: Final = Transition(
    "purged",
    _from(Status.ARCHIVED, Status.MOVED),
    Status.PURGING,
    Action.TENANT_PURGE_BEGUN,
)
TRANSITIONS: Final = (
    *(OPEN, SUSPEND, RESUME, ARCHIVE, RESTORE),
    *(MOVE, CANCEL_MOVE, COMPLETE_MOVE, MOVE_BACK, RETURN, PURGE),
)
"""All changes of a status. A purged tenant has no row, and therefore no status."""


def suspend(tenant: Tenant, *, actor: Model | None = None) -> None:
    """Refuse all requests of a tenant, and keep its data; raise ValidationError."""
    change_status(tenant, SUSPEND, actor=actor)


def resume(tenant: Tenant, *, actor: Model | None = None) -> None:
    """Serve a suspended tenant again; raise ValidationError for one that is not suspended."""
    change_status(tenant, RESUME, actor=actor)


def archive(tenant: Tenant, *, reason: str = "", actor: Model | None = None) -> None:
    """End a tenant: refuse its requests, and purge it after ``TENANT_GRACE_DAYS``.

    Raises ValidationError unless the tenant is active or suspended.
    """
    now = timezone.now()
    dates = {"archived_at": now, "purge_after": now + timedelta(days=settings.TENANT_GRACE_DAYS)}
    change_status(tenant, ARCHIVE, actor=actor, reason=reason, **dates)


def restore(tenant: Tenant, *, actor: Model | None = None) -> None:
    """Serve an archived tenant again; raise ValidationError for one that is not archived."""
    change_status(tenant, RESTORE, actor=actor, archived_at=None, purge_after=None)


def begin_move(tenant: Tenant) -> None:
    """Serve a tenant for reading only, until its move to another installation ends."""
    change_status(tenant, MOVE, actor=None)


def cancel_move(tenant: Tenant) -> None:
    """Serve a tenant that is moving for writing again."""
    change_status(tenant, CANCEL_MOVE, actor=None)


def complete_move(tenant: Tenant) -> None:
    """Serve a tenant here no more, so that another installation may open it."""
    change_status(tenant, COMPLETE_MOVE, actor=None)


def permit_purge_of_moved(tenant: Tenant) -> None:
    """Purge a moved tenant here after ``TENANT_GRACE_DAYS``, since it is open elsewhere."""
    until = timezone.now() + timedelta(days=settings.TENANT_GRACE_DAYS)
    moved = Tenant.objects.filter(pk=tenant.pk, status=Status.MOVED, purge_after=None)
    moved.update(purge_after=until)


def move_back(tenant: Tenant) -> None:
    """Serve a tenant here again that had moved; its other installation has stopped before."""
    change_status(tenant, MOVE_BACK, actor=None, purge_after=None)


def hold(tenant: Tenant, *, reason: str, actor: Model | None = None) -> None:
    """Prevent purges and erasures of a tenant's data until `release`, whatever its status is."""
    if not reason.strip():
        raise ValidationError({"hold_reason": "Give the reason of the hold."})
    _set_hold(tenant, reason, Action.TENANT_HELD, actor)


def release(tenant: Tenant, *, actor: Model | None = None) -> None:
    """Permit purges and erasures of a tenant's data again."""
    _set_hold(tenant, "", Action.TENANT_RELEASED, actor)


def change_status(
    tenant: Tenant,
    transition: Transition,
    *,
    actor: Model | None,
    reason: str = "",
    **fields: object,
) -> None:
    """Store a status and further fields; do nothing if the tenant has the status.

    Raises ValidationError if the transition does not start from the tenant's status.
    """
    with transaction.atomic(using=SHARED_DB):
        stored = Tenant.objects.locked(tenant.pk)
        if stored.status == transition.target:
            return
        if stored.status not in transition.sources:
            raise ValidationError({"status": _refusal(stored, transition)})
        before = stored.status
        for name, value in {**fields, "status": transition.target}.items():
            setattr(stored, name, value)
        stored.save(update_fields=[*fields, "status", "updated_at"])
        record(
            transition.action,
            stored,
            tenant=stored,
            actor=actor,
            reason=reason,
            before={"status": before},
            after={"status": stored.status},
        )
        status_changed.send(Tenant, tenant=stored, transition=transition)


def _refusal(tenant: Tenant, transition: Transition) -> str:
    wanted = " or ".join(sorted(transition.sources))
    return f"Only a tenant that is {wanted} can be {transition.verb}; this one is {tenant.status}."


def _set_hold(tenant: Tenant, reason: str, action: Action, actor: Model | None) -> None:
    with transaction.atomic(using=SHARED_DB):
        stored = Tenant.objects.locked(tenant.pk)
        change_tenant(stored, actor=actor, settings={}, action=action, hold_reason=reason)
