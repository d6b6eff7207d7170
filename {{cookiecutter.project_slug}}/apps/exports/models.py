"""Archives of a whole tenant that its Owners order and download."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import CheckConstraint, Q

from apps.isolation.fields import new_id
from apps.isolation.managers import PerTenantManager, PlatformManager
from apps.tenants.models import Tenant


class ExportStatus(models.TextChoices):
    """State of an export. A worker tries a failed one again."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"


UNFINISHED = [ExportStatus.PENDING, ExportStatus.FAILED]


def place_of(export: "TenantExport", name: str = "") -> str:
    """Return the path of an archive among the tenant's files."""
    return f"exports/{export.pk}.tar"


def name_of(export: "TenantExport") -> str:
    """Return the name of a download: the tenant, and the day of the order."""
    return f"{export.tenant.slug}-{export.created_at:%Y-%m-%d}.tar"


class TenantExport(models.Model):
    """An archive of the tenant (`apps.portability`), and its state."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(
        Tenant, models.DB_CASCADE, related_name="exports", db_index=False, editable=False
    )
    status = models.CharField(
        max_length=7, choices=ExportStatus, default=ExportStatus.PENDING, editable=False
    )
    created_at = models.DateTimeField(auto_now_add=True)
    completed_at = models.DateTimeField(null=True, editable=False)
    size = models.BigIntegerField(null=True, editable=False, help_text="Bytes.")
    content = models.FileField(upload_to=place_of, editable=False)

    objects: ClassVar[PerTenantManager[Self]] = PerTenantManager()
    platform = PlatformManager()

    class Meta:
        default_manager_name = "platform"
        base_manager_name = "platform"
        constraints = [
            CheckConstraint(
                condition=Q(status__in=ExportStatus.values), name="tenant_export_status_is_known"
            ),
            CheckConstraint(
                condition=Q(status=ExportStatus.DONE, completed_at__isnull=False)
                | ~Q(status=ExportStatus.DONE),
                name="tenant_export_completed_if_done",
            ),
        ]
        # Newest first: ids are ordered by time.
        indexes = [models.Index(fields=["tenant", "-id"], name="tenant_export_by_tenant")]

    def __str__(self) -> str:
        return f"{self.created_at:%Y-%m-%d}: {self.status}"
