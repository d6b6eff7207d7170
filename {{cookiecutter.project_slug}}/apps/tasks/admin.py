"""The platform's admin of tasks."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from procrastinate.contrib.django import models as procrastinate

from apps.tasks import queue
from apps.tasks.models import TaskRun

# Procrastinate's pages show the arguments of tasks, which staff must not read.
for model in (
    procrastinate.ProcrastinateJob,
    procrastinate.ProcrastinateEvent,
    procrastinate.ProcrastinatePeriodicDefer,
    procrastinate.ProcrastinateWorker,
):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


@admin.register(TaskRun)
class TaskRunAdmin(admin.ModelAdmin[TaskRun]):
    """Lists tasks by state; staff may retry dead ones and cancel waiting ones."""

    list_display = ["enqueued_at", "task", "state", "attempts", "error", "tenant_id", "user_id"]
    list_filter = ["state"]
    search_fields = ["=id", "=tenant__id", "=user_id", "task"]
    ordering = ["-id"]
    actions = ["run_again", "cancel"]

    @admin.action(description="Run the selected dead tasks again", permissions=["change"])
    def run_again(self, request: HttpRequest, runs: QuerySet[TaskRun]) -> None:
        """Let dead tasks run again."""
        count = sum(queue.retry(run.pk) for run in runs)
        messages.info(request, f"{count} will run again.")

    @admin.action(description="Cancel the selected waiting or dead tasks", permissions=["change"])
    def cancel(self, request: HttpRequest, runs: QuerySet[TaskRun]) -> None:
        """Cancel tasks."""
        count = sum(queue.cancel(run.pk) for run in runs)
        messages.info(request, f"{count} cancelled.")

    def get_readonly_fields(self, request: HttpRequest, obj: TaskRun | None = None) -> list[str]:
        """Return all fields, since only the actions change tasks."""
        return [field.name for field in TaskRun._meta.fields]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: TaskRun | None = None) -> bool:
        """Refuse."""
        return False
