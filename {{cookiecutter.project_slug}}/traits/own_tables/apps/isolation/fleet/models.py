"""The ledger of ``migrate``: its last run over each tenant's tables."""

from django.db import models


class RunStatus(models.TextChoices):
    """How a run ended; "current" is a target with nothing to do."""

    MIGRATED = "migrated"
    CURRENT = "current"
    FAILED = "failed"


class MigrationRun(models.Model):
    """One run of ``migrate`` over one tenant's tables.

    ``before`` and ``after`` are hashes of the migrations that were applied.
    """

    target = models.CharField(max_length=63)
    before = models.CharField(max_length=32, blank=True)
    after = models.CharField(max_length=32, blank=True)
    status = models.CharField(max_length=8, choices=RunStatus)
    seconds = models.FloatField()
    error = models.TextField(blank=True)
    finished_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "isolation"
        indexes = [models.Index(fields=["target", "-id"], name="migration_run_by_target")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=RunStatus.values),
                name="migration_run_status_is_known",
            )
        ]

    def __str__(self) -> str:
        return f"{self.target}: {self.status}"


def latest_runs() -> dict[str, MigrationRun]:
    """Return the last run over each target, by the target's name."""
    runs = MigrationRun.objects.order_by("target", "-id").distinct("target")
    return {run.target: run for run in runs}
