"""Services for exports: order, writing and expiry."""

import math
from datetime import timedelta
from tempfile import TemporaryFile
from typing import IO, Final
from uuid import UUID

from django.conf import settings
from django.core.files import File
from django.db import transaction
from django.db.models import Q, Sum
from django.utils import timezone

from apps.audit.services import Action, record
from apps.exports.exceptions import TenantExportTooLarge, TenantExportTooSoon
from apps.exports.models import UNFINISHED, ExportStatus, TenantExport, place_of
from apps.isolation import ActiveTenant
from apps.isolation.app_registry import SHARED_DB
from apps.isolation.context import Identified, activate_tenant
from apps.isolation.integrations.files import sizes_of_files
from apps.isolation.integrations.limits import allow_long_statements
from apps.isolation.integrations.tasks import platform_task
from apps.memberships.mails import mail_owners
from apps.memberships.models import Membership
from apps.memberships.roles import Role
from apps.memberships.services import locked_actor
from apps.portability.exporting import ExportOptions, export_tenant
from apps.tenants.models import Status, Tenant

PAGE: Final = "/settings/exports/"

OPEN_WAIT: Final = 60
"""Seconds until a retry while an export is being written."""


def order(asking: Membership) -> TenantExport:
    """Store an Owner's order of an export, which a worker writes; all Owners are mailed.

    Raises PermissionDenied unless the actor is an Owner, `TenantExportTooLarge`, and
    `TenantExportTooSoon`.
    """
    if _size_of_files(ActiveTenant(asking.tenant_id)) > settings.TENANT_EXPORT_BYTES > 0:
        raise TenantExportTooLarge
    with locked_actor(asking, Role.OWNER) as actor:
        _require_no_other(actor.tenant)
        export = TenantExport(tenant=actor.tenant)
        export.save(force_insert=True)
        record(Action.EXPORT_ORDERED, export, tenant=actor.tenant, actor=actor.user)
        mail_owners(actor.tenant, "exports/email/ordered", actor=actor.user)
        write_later.enqueue(str(export.pk))
    return export


@platform_task
def write_later(export_id: str) -> None:
    """Write the archive of an export; the worker tries a failed one again.

    It is a platform task, since the archive is read in one transaction of its own.
    """
    export = TenantExport.platform.filter(pk=UUID(export_id), status__in=UNFINISHED).first()
    # A tenant that was purged meanwhile has no exports.
    if export:
        _write(export)


def read(asking: Membership, export: TenantExport) -> File[bytes]:
    """Open an archive to download; raise FileNotFoundError if there is none (any more)."""
    if export.status != ExportStatus.DONE:
        raise FileNotFoundError(export.content.name)
    file = export.content.open()
    with transaction.atomic(using=SHARED_DB):
        record(Action.EXPORT_READ, export, tenant=export.tenant_id, actor=asking.user)
    return file


def expire(tenant: Identified) -> None:
    """Delete all archives of a tenant, also one that is being written.

    An erasure calls it, so that no archive has what the tenant has no more.
    """
    with transaction.atomic(using=SHARED_DB):
        # An order that holds this lock is seen afterwards.
        Tenant.objects.select_for_update().filter(pk=tenant.id).first()
        for export in TenantExport.objects.for_tenant(tenant):
            _expire(export)


def expire_old() -> None:
    """Delete archives older than ``TENANT_EXPORT_DAYS``, except those of tenants on hold."""
    before = timezone.now() - timedelta(days=settings.TENANT_EXPORT_DAYS)
    held = Tenant.objects.exclude(hold_reason="").values("pk")
    is_old = Q(completed_at__lt=before) | Q(completed_at=None, created_at__lt=before)
    for export in TenantExport.platform.filter(is_old).exclude(tenant__in=held):
        with transaction.atomic(using=SHARED_DB):
            _expire(export)


def fail_lost() -> None:
    """Fail the exports that have been pending for a day, as of a worker that was killed."""
    before = timezone.now() - timedelta(days=1)
    lost = TenantExport.platform.filter(status=ExportStatus.PENDING, created_at__lt=before)
    lost.update(status=ExportStatus.FAILED)


def _size_of_files(tenant: Identified) -> int:
    """Return the size of a tenant's files, without earlier archives, which no archive contains."""
    done = TenantExport.objects.for_tenant(tenant).filter(status=ExportStatus.DONE)
    archives: int = done.aggregate(total=Sum("size", default=0))["total"]
    return sum(sizes_of_files(tenant)) - archives


def _require_no_other(tenant: Tenant) -> None:
    """Raise `TenantExportTooSoon` for a second export; the caller has locked the tenant's row."""
    hours, now = timedelta(hours=settings.TENANT_EXPORT_HOURS), timezone.now()
    is_recent = Q(created_at__gt=now - hours, status=ExportStatus.DONE)
    others = TenantExport.objects.for_tenant(tenant).filter(
        is_recent | Q(status=ExportStatus.PENDING)
    )
    if last := others.order_by("created_at").last():
        wait = math.ceil((last.created_at + hours - now).total_seconds())
        is_pending = last.status == ExportStatus.PENDING
        raise TenantExportTooSoon(max(wait, OPEN_WAIT), is_pending=is_pending)


def _write(export: TenantExport) -> None:
    try:
        with TemporaryFile() as file:
            export_tenant(export.tenant, file, ExportOptions(with_audit=True))
            _store(export, file)
    except Exception:
        of_export = TenantExport.objects.for_tenant(export.tenant).filter(pk=export.pk)
        of_export.filter(status=ExportStatus.PENDING).update(status=ExportStatus.FAILED)
        raise


def _store(export: TenantExport, file: IO[bytes]) -> None:
    """Store the archive, unless an erasure, a purge or another run was faster."""
    with transaction.atomic(using=SHARED_DB):
        allow_long_statements(SHARED_DB)  # while the file is copied, the transaction is idle
        tenant = Tenant.objects.select_for_update().filter(pk=export.tenant_id).first()
        if tenant is None or tenant.status == Status.PURGING:
            return
        rows = TenantExport.objects.for_tenant(export.tenant).filter(pk=export.pk)
        stored = rows.filter(status__in=UNFINISHED).select_for_update().first()
        if stored is None:
            return
        stored.size = file.tell()
        file.seek(0)
        with activate_tenant(ActiveTenant(export.tenant_id)):
            stored.content.storage.delete(place_of(stored))  # left over from an interrupted run
            stored.content.save("", File(file), save=False)
        stored.status, stored.completed_at = ExportStatus.DONE, timezone.now()
        stored.save(update_fields=["status", "completed_at", "size", "content"])
        days, url = settings.TENANT_EXPORT_DAYS, export.tenant.url(PAGE)
        mail_owners(export.tenant, "exports/email/done", days=days, url=url)


def _expire(export: TenantExport) -> None:
    rows = TenantExport.objects.for_tenant(export.tenant_id).filter(pk=export.pk)
    if not rows.exclude(status=ExportStatus.EXPIRED).select_for_update().exists():
        return
    with activate_tenant(ActiveTenant(export.tenant_id)):
        export.content.storage.delete(place_of(export))
    export.status, export.content = ExportStatus.EXPIRED, ""
    export.save(update_fields=["status", "content"])
