"""The purge of a tenant: everything that belongs to it is deleted, and a certificate remains.

Each step can be repeated, so the next run completes an interrupted purge. Until then the tenant is
"purging", and nobody is served.
"""

from collections.abc import Callable
from typing import Final
from uuid import UUID

from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.core.exceptions import ValidationError
from django.db import connections, transaction
from django.db.models import Model, Q, QuerySet
from django.utils import timezone

from apps.audit.services import Action, record
from apps.authentication import services as accounts
from apps.isolation.app_registry import SHARED_DB
from apps.isolation.integrations.cache import forget_tenant
from apps.isolation.integrations.tasks import OWNER_QUEUE, platform_task
from apps.isolation.strategy.provisioning import NEEDS_STORAGE, deprovision
from apps.isolation.strategy.write_fence import lower_fence
from apps.memberships.mails import mail_owners
from apps.memberships.models import Membership
from apps.memberships.roles import Role
from apps.memberships.services import locked_actor
from apps.offboarding.certificate import certify
from apps.offboarding.inventory import inventory, shared_rows
from apps.privacy.models import PrivacyRequest, RequestStatus
from apps.tenants.lifecycle import PURGE, archive, change_status
from apps.tenants.models import Purge, Status, Tenant

# The arguments of tasks, which may be personal data.
_DELETE_JOBS: Final = """
DELETE FROM procrastinate_jobs
WHERE id IN (SELECT job FROM tasks_taskrun WHERE tenant_id = %s)
"""


def purge(
    tenant: Tenant,
    *,
    reason: str = "",
    at_once: bool = False,
    actor: Model | None = None,
    note: Callable[[str], None] = lambda step: None,
) -> Purge:
    """Delete everything that belongs to an archived tenant; complete an interrupted purge.

    Calls ``note`` with the name of each step. Raises ValidationError for a tenant that is not
    archived, is on hold, or whose time of grace is not over; ``at_once`` ignores the latter, and
    requires a reason.
    """
    stored = Tenant.objects.filter(pk=tenant.pk).first()
    # The status decides, and no earlier purge of a tenant that came back from a backup.
    if stored is None or stored.status == Status.PURGING:
        begun = _last_purge_of(tenant)
    else:
        _require_purgeable(stored, reason, at_once=at_once)
        note("count")
        begun = _begin(tenant, inventory(tenant), reason, at_once=at_once, actor=actor)
    note("cache")
    forget_tenant(tenant)
    note("tables and files")
    if not NEEDS_STORAGE:  # rows are deleted one by one, which the fence of a move would refuse
        lower_fence(tenant, seconds=0)
    deprovision(tenant)
    note("shared data")
    _finish(tenant, begun)
    return begun


def archive_as_owner(asking: Membership) -> None:
    """Archive the actor's tenant; raise PermissionDenied unless the actor is an Owner."""
    with locked_actor(asking, Role.OWNER) as actor:
        archive(actor.tenant, actor=actor.user)


@platform_task(queue_name=OWNER_QUEUE)
def purge_later(tenant_id: str) -> None:
    """Purge a tenant, if it is still due for it."""
    if tenant := due_for_purge().filter(pk=UUID(tenant_id)).first():
        purge(tenant)


def due_for_purge() -> QuerySet[Tenant]:
    """Return the tenants whose time of grace is over, and those with an interrupted purge."""
    is_over = Q(status__in=PURGE.sources, purge_after__lte=timezone.now(), hold_reason="")
    return Tenant.objects.filter(is_over | Q(status=Status.PURGING)).order_by("purge_after")


def _last_purge_of(tenant: Tenant) -> Purge:
    return Purge.objects.for_tenant(tenant).latest("begun_at")


def _require_purgeable(tenant: Tenant, reason: str, *, at_once: bool) -> None:
    if at_once and not reason.strip():
        raise ValidationError({"reason": "A purge within the time of grace needs a reason."})
    if tenant.hold_reason:
        raise ValidationError({"hold": f"The tenant is on hold: {tenant.hold_reason}"})
    if tenant.status not in PURGE.sources:
        wanted = "Only a tenant that is archived or has moved can be purged"
        raise ValidationError({"status": f"{wanted}; this one is {tenant.status}."})
    if tenant.status == Status.MOVED and tenant.purge_after is None:
        message = "No other installation has opened the tenant: run move_tenant switch again."
        raise ValidationError({"purge_after": message})
    if not at_once and (tenant.purge_after is None or tenant.purge_after > timezone.now()):
        until = f"{tenant.purge_after:%Y-%m-%d}" if tenant.purge_after else "it is archived again"
        raise ValidationError({"purge_after": f"The tenant can be restored until {until}."})


def _begin(
    tenant: Tenant, found: dict[str, int], reason: str, *, at_once: bool, actor: Model | None
) -> Purge:
    """Store what there is to delete, before anything is deleted."""
    with transaction.atomic(using=SHARED_DB):
        stored = Tenant.objects.select_for_update().filter(pk=tenant.pk).first()
        if stored is None or stored.status == Status.PURGING:
            return _last_purge_of(tenant)  # by a concurrent run
        _require_purgeable(stored, reason, at_once=at_once)
        change_status(stored, PURGE, actor=actor, reason=reason)
        actor_id = actor.pk if actor else None
        return Purge.platform.create(
            tenant_id=tenant.pk, actor_id=actor_id, reason=reason, found=found
        )


def _finish(tenant: Tenant, begun: Purge) -> None:
    """Delete the shared rows and the tenant's own, and issue the certificate."""
    with transaction.atomic(using=SHARED_DB):
        if not Tenant.objects.select_for_update().filter(pk=tenant.pk).exists():
            begun.refresh_from_db()  # another run was faster
            return
        days = settings.BACKUP_KEEP_DAYS
        if tenant.archived_at:  # a tenant that has moved goes on elsewhere
            mail_owners(tenant, "offboarding/email/purged", backup_days=days)
        users = list(Membership.objects.for_tenant(tenant).values_list("user_id", flat=True))
        with connections[SHARED_DB].cursor() as cursor:
            cursor.execute(_DELETE_JOBS, [tenant.pk])
        _delete_shared_rows(tenant)
        for user_id in users:
            accounts.forget(user_id)
        begun.finished_at = timezone.now()
        requests = PrivacyRequest.objects.for_tenant(tenant.pk)
        requests.update(content="")
        still_open = requests.exclude(status=RequestStatus.DONE)
        still_open.update(status=RequestStatus.DONE, completed_at=begun.finished_at)
        begun.certificate = certify(begun, begun.finished_at)
        begun.save(update_fields=["finished_at", "certificate"])
        record(
            Action.TENANT_PURGED,
            tenant,
            tenant=tenant,
            actor=begun.actor_id,
            reason=begun.reason,
        )


def _delete_shared_rows(tenant: Tenant) -> None:
    """Delete rows by statements of their own: a cascade would look into the tenant's tables."""
    of_tenant = Tenant.objects.filter(pk=tenant.pk)
    for rows in [*shared_rows(tenant), of_tenant]:
        ids = [str(pk) for pk in rows.values_list("pk", flat=True)]
        _forget_in_admin_log(rows.model, ids)
        rows._raw_delete(SHARED_DB)  # noqa: SLF001 - no public method deletes without a cascade


def _forget_in_admin_log(model: type[Model], ids: list[str]) -> None:
    """Remove the names of objects from the admin's log; that of a domain is in its tenant's."""
    entries = LogEntry.objects.filter(
        content_type__app_label=model._meta.app_label,
        content_type__model=model._meta.model_name,
        object_id__in=ids,
    )
    entries.update(object_repr="", change_message="")
