"""Services for privacy requests: creation, execution and clean-up."""

import logging
import math
from datetime import timedelta
from tempfile import TemporaryFile
from uuid import UUID
from zipfile import ZIP_DEFLATED, ZipFile

from django.conf import settings
from django.core.files import File
from django.db import transaction
from django.db.models import Model, Q, QuerySet
from django.utils import timezone
from rest_framework.exceptions import ValidationError

from apps.audit.models import AuditEvent
from apps.audit.services import Action, record
from apps.authentication import services as accounts
from apps.authentication.models import User
from apps.exports import services as exports
from apps.isolation import ActiveTenant
from apps.isolation.app_registry import SHARED_DB
from apps.isolation.context import activate_tenant
from apps.isolation.integrations.limits import allow_long_statements
from apps.isolation.integrations.sessions import end_sessions
from apps.isolation.integrations.tasks import platform_task
from apps.memberships import services as members
from apps.memberships.models import Invitation, Membership
from apps.memberships.roles import Role
from apps.privacy import data_subject
from apps.privacy.exceptions import ExportTooSoon
from apps.privacy.models import PrivacyRequest, RequestKind, RequestStatus, place_of
from apps.tasks.models import TaskRun
from apps.tenants.models import Tenant

logger = logging.getLogger(__name__)

UNDER_WAY = (RequestStatus.PENDING, RequestStatus.RUNNING)
OPEN_WAIT = 60
"""Seconds until a retry while an export is being created."""

INVITATION_FIELDS = ["email", "role", "created_at", "expires_at", "accepted_at", "revoked_at"]


def ask(asking: Membership, kind: RequestKind, user_id: UUID) -> PrivacyRequest:
    """Create a member's request about themself, or an Admin's about a member; a worker does it.

    See `ask_as_platform`. Raises PermissionDenied if the actor is not an Admin, or is an Admin who
    would erase an Owner; `ExportTooSoon` while an export of the same person is open or recent.
    """
    wanted = Role.VIEWER if user_id == asking.user_id else Role.ADMIN
    with members.locked_actor(asking, wanted) as actor:
        if kind == RequestKind.EXPORT:
            _require_no_other_export(actor.tenant_id, user_id)
        request = _write_down(actor.tenant_id, kind, user_id, actor)
        carry_out_later.enqueue(str(request.pk))
    return request


def ask_as_platform(tenant_id: UUID, kind: RequestKind, user_id: UUID) -> PrivacyRequest:
    """Create a request of the platform's operator.

    A request for an erasure ends the membership permanently: no new row can refer to the user, and
    nobody can request it twice. Raises ValidationError for a user who never was a member, and
    `LastOwner`.
    """
    with transaction.atomic(using=SHARED_DB):
        Tenant.objects.locked(tenant_id)
        return _write_down(tenant_id, kind, user_id, None)


@platform_task
def carry_out_later(request_id: str) -> None:
    """Carry out a request; the worker tries a failed one again.

    It is a platform task, since an erased user is no longer a member, and since requests to
    suspended tenants are due too.
    """
    _carry_out(PrivacyRequest.platform.get(pk=UUID(request_id)))


def carry_out(request: PrivacyRequest) -> None:
    """Carry out a request as `carry_out_later` does; a failure is logged, and sets the status."""
    try:
        _carry_out(request)
    except Exception:
        logger.exception("privacy request %s failed", request.pk)
    request.refresh_from_db()


def _carry_out(request: PrivacyRequest) -> None:
    """Carry out a request, for the first time or after a failed or interrupted run.

    Each part of the work can be repeated. The state "done" is stored last; until then the request
    is open. Of two concurrent runs the second waits, and finds nothing left to do. An erasure stays
    open while the tenant is on hold.
    """
    if request.kind == RequestKind.ERASE and _is_on_hold(request.tenant_id):
        return
    row = PrivacyRequest.objects.for_tenant(request.tenant_id).filter(pk=request.pk)
    still_open = row.exclude(status=RequestStatus.DONE)
    still_open.update(status=RequestStatus.RUNNING)
    try:
        with activate_tenant(ActiveTenant(request.tenant_id)), transaction.atomic(using=SHARED_DB):
            allow_long_statements(SHARED_DB)
            if locked := still_open.select_for_update().first():
                WORK[RequestKind(locked.kind)](locked)
                _end(locked, RequestStatus.DONE, Action.PRIVACY_DONE)
    except Exception:
        with transaction.atomic(using=SHARED_DB):
            if locked := still_open.select_for_update().first():
                _end(locked, RequestStatus.FAILED, Action.PRIVACY_FAILED)
        raise


def drop_content(request: PrivacyRequest) -> None:
    """Delete the file of an export, if there is one."""
    with activate_tenant(ActiveTenant(request.tenant_id)):
        request.content.storage.delete(place_of(request))
    request.content = ""
    request.save(update_fields=["content"])


def purge() -> None:
    """Delete the contents of expired exports, except those of tenants on hold."""
    before = timezone.now() - timedelta(days=settings.PRIVACY_CONTENT_DAYS)
    held = Tenant.objects.exclude(hold_reason="").values("pk")
    expired = PrivacyRequest.platform.filter(completed_at__lt=before).exclude(tenant_id__in=held)
    for request in expired.exclude(content=""):
        drop_content(request)


def _is_on_hold(tenant_id: UUID) -> bool:
    return Tenant.objects.filter(pk=tenant_id).exclude(hold_reason="").exists()


def _require_no_other_export(tenant_id: UUID, user_id: UUID) -> None:
    """Raise `ExportTooSoon` for a second export; the caller has locked the tenant's row."""
    hours, now = timedelta(hours=settings.PRIVACY_EXPORT_HOURS), timezone.now()
    others = PrivacyRequest.objects.for_tenant(tenant_id).filter(
        Q(created_at__gt=now - hours) | Q(status__in=UNDER_WAY),
        user_id=user_id,
        kind=RequestKind.EXPORT,
    )
    if last := others.order_by("created_at").last():
        wait = math.ceil((last.created_at + hours - now).total_seconds())
        raise ExportTooSoon(max(wait, OPEN_WAIT))


def _write_down(
    tenant_id: UUID, kind: RequestKind, user_id: UUID, actor: Membership | None
) -> PrivacyRequest:
    """Store a request and its audit event; the caller has locked the tenant's row."""
    if kind == RequestKind.ERASE and _is_on_hold(tenant_id):
        message = "Nothing of this workspace may be deleted now: it is on hold."
        raise ValidationError({"kind": [message]}, "tenant_on_hold")
    member = Membership.objects.of_user_in(user_id, tenant_id).first()
    if member is None:
        raise ValidationError({"user": ["There is no such member."]}, "does_not_exist")
    request = PrivacyRequest(tenant_id=tenant_id, user_id=user_id, kind=kind)
    request.requested_by_id = actor.user_id if actor else None
    request.save(force_insert=True)
    asking, what = actor and actor.user, {"kind": kind, "user": str(user_id)}
    record(Action.PRIVACY_REQUESTED, request, tenant=tenant_id, actor=asking, after=what)
    if kind == RequestKind.ERASE:
        members.forget(member, actor)
    return request


def _export(request: PrivacyRequest) -> None:
    drop_content(request)  # left over from an interrupted run
    with TemporaryFile() as file:
        with ZipFile(file, "w", ZIP_DEFLATED) as archive:
            for rows, fields in _of_shared_data(request):
                data_subject.write_rows(archive, rows, fields)
            data_subject.export(request.user_id, archive)
        request.content.save("", File(file), save=False)


def _of_shared_data(request: PrivacyRequest) -> list[tuple[QuerySet[Model], list[str] | None]]:
    """Return the shared data of the user in this tenant, with the fields that they may see."""
    tenant_id, user_id = request.tenant_id, request.user_id
    users = User.objects.filter(pk=user_id)
    invitations = Invitation.objects.for_tenant(tenant_id)
    return [
        (users, ["email", "full_name"]),  # the user's other data belongs to all tenants
        (invitations.filter(email__in=users.values("email")), INVITATION_FIELDS),
        (Membership.objects.for_tenant(tenant_id).filter(user_id=user_id), None),
        (PrivacyRequest.objects.for_tenant(tenant_id).filter(user_id=user_id), None),
        (AuditEvent.objects.for_tenant(tenant_id).filter(actor_id=user_id), None),
        (Tenant.objects.filter(pk=tenant_id), ["name", "slug", "settings"]),
    ]


def _erase(request: PrivacyRequest) -> None:
    data_subject.erase(request.user_id)
    end_sessions(request.user_id)
    about_them = PrivacyRequest.objects.for_tenant(request.tenant_id).filter(
        user_id=request.user_id
    )
    for export in about_them.filter(kind=RequestKind.EXPORT).select_for_update():
        drop_content(export)
        if export.status != RequestStatus.DONE:
            # There is nothing left to export.
            _end(export, RequestStatus.DONE, Action.PRIVACY_DONE)
    runs = TaskRun.objects.for_tenant(request.tenant_id)
    runs.filter(user_id=request.user_id).update(user_id=None)
    exports.expire(ActiveTenant(request.tenant_id))
    accounts.forget(request.user_id)


WORK = {RequestKind.EXPORT: _export, RequestKind.ERASE: _erase}


def _end(request: PrivacyRequest, status: RequestStatus, action: Action) -> None:
    request.status = status
    if status == RequestStatus.DONE:
        request.completed_at = timezone.now()
    request.save(update_fields=["status", "completed_at", "content"])
    record(action, request, tenant=request.tenant_id, actor=None)
