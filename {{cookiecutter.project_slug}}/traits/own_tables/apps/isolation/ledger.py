"""The ledger of ``migrate``: its last run over each tenant's tables."""

from collections.abc import Mapping
from datetime import datetime

from django.db import connections, models

from apps.isolation.app_registry import SHARED_DB
from apps.isolation.migration_state import FINGERPRINT, is_fully_migrated


class RunStatus(models.TextChoices):
    """The result of a run; "current" means that nothing had to be applied."""

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
    error = models.TextField(blank=True, editable=False)
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


def count_unmigrated(made_at: Mapping[str, datetime]) -> int:
    """Count the targets with unapplied migrations, given their names and creation times.

    It opens no target, so it can be called every minute. A target without a run has the migrations
    that the template had when the target was created.
    """
    if not is_fully_migrated(connections[SHARED_DB]):
        return len(made_at)
    with connections[SHARED_DB].cursor() as cursor:
        cursor.execute(f"SELECT ({FINGERPRINT.format('')}), max(applied) FROM django_migrations")
        ((fingerprint, migrated_at),) = cursor.fetchall()
    runs = latest_runs()
    return sum(
        runs[target].after != fingerprint if target in runs else made < migrated_at
        for target, made in made_at.items()
    )
