"""What ``migrate`` did to each tenant's storage, run after run."""

from typing import ClassVar

from django.db import models


class MigrationRun(models.Model):
    """One run of ``migrate`` over one tenant's storage.

    ``before`` and ``after`` are hashes of the migrations that were applied.
    """

    class Status(models.TextChoices):
        """How it ended; "current" is a storage that was looked into and had nothing to do."""

        MIGRATED = "migrated"
        CURRENT = "current"
        FAILED = "failed"

    storage = models.CharField(max_length=63)
    before = models.CharField(max_length=32, blank=True)
    after = models.CharField(max_length=32, blank=True)
    status = models.CharField(max_length=8, choices=Status)
    seconds = models.FloatField()
    error = models.TextField(blank=True)
    finished_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[models.Manager["MigrationRun"]] = models.Manager()

    class Meta:
        app_label = "isolation"
        indexes = [models.Index(fields=["storage", "-id"], name="migration_run_by_storage")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=["migrated", "current", "failed"]),
                name="migration_run_status_is_known",
            )
        ]

    def __str__(self) -> str:
        return f"{self.storage}: {self.status}"


def latest_runs() -> dict[str, MigrationRun]:
    """Return the last run of each storage, by the storage's name."""
    runs = MigrationRun.objects.order_by("storage", "-id").distinct("storage")
    return {run.storage: run for run in runs}
