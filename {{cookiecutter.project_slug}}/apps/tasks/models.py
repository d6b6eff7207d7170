"""The state of each task."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import CheckConstraint, Q

from apps.isolation.fields import new_id
from apps.isolation.managers import PerTenantManager, PlatformManager
from apps.tenants.models import Tenant


class State(models.TextChoices):
    """States of a task."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"
    CANCELLED = "cancelled"


OPEN = [State.WAITING, State.RUNNING]


class TaskRun(models.Model):
    """An enqueued task. Only the queue contains its arguments, until the task has ended."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # Null for a task without a tenant. The index below begins with it.
    tenant = models.ForeignKey(
        Tenant, models.DB_CASCADE, related_name="task_runs", null=True, db_index=False
    )
    user_id = models.UUIDField(null=True, help_text="Who enqueued it; null for nobody.")
    task = models.CharField(max_length=255)
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=255, blank=True, help_text="Class of the last error.")
    job = models.BigIntegerField(unique=True, help_text="Its row in the queue.")
    # The transaction in the tenant's database, until its commit is confirmed.
    transaction = models.CharField(max_length=20, blank=True)
    enqueued_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects: ClassVar[PerTenantManager[Self]] = PerTenantManager()
    platform = PlatformManager()

    class Meta:
        default_manager_name = "platform"
        base_manager_name = "platform"
        constraints = [
            CheckConstraint(condition=Q(state__in=State.values), name="task_run_state_is_known"),
        ]
        indexes = [
            models.Index(fields=["tenant", "task"], condition=Q(state__in=OPEN), name="task_open"),
            models.Index(fields=["state", "finished_at"], name="task_run_by_state"),
        ]

    def __str__(self) -> str:
        return f"{self.task} {self.pk} ({self.state})"
