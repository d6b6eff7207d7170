"""Models where each tenant has tables of its own: theirs, and what was migrated in them."""

from typing import ClassVar, Self

from django.db import models

from apps.isolation.belonging import Belonging, TenantManager
from apps.isolation.identifiers import new_id


class TenantModel(Belonging):
    """Base of every model whose rows belong to a tenant. Its table is the tenant's alone."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)

    objects: ClassVar[TenantManager[Self]] = TenantManager()

    class Meta:
        abstract = True


def tenant_unique(*fields: str, name: str) -> models.UniqueConstraint:
    """Make values of ``fields`` unique within a tenant."""
    return models.UniqueConstraint(fields=fields, name=name)


def tenant_index(*fields: str, name: str) -> models.Index:
    """Index ``fields`` within a tenant."""
    return models.Index(fields=fields, name=name)


class RunStatus(models.TextChoices):
    """How a run ended; "current" is a storage that was looked into and had nothing to do."""

    MIGRATED = "migrated"
    CURRENT = "current"
    FAILED = "failed"


class MigrationRun(models.Model):
    """One run of ``migrate`` over one tenant's storage.

    ``before`` and ``after`` are hashes of the migrations that were applied.
    """

    storage = models.CharField(max_length=63)
    before = models.CharField(max_length=32, blank=True)
    after = models.CharField(max_length=32, blank=True)
    status = models.CharField(max_length=8, choices=RunStatus)
    seconds = models.FloatField()
    error = models.TextField(blank=True)
    finished_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "isolation"
        indexes = [models.Index(fields=["storage", "-id"], name="migration_run_by_storage")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=RunStatus.values),
                name="migration_run_status_is_known",
            )
        ]

    def __str__(self) -> str:
        return f"{self.storage}: {self.status}"


def latest_runs() -> dict[str, MigrationRun]:
    """Return the last run of each storage, by the storage's name."""
    runs = MigrationRun.objects.order_by("storage", "-id").distinct("storage")
    return {run.storage: run for run in runs}
