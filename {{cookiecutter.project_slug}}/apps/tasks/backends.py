"""The product's backend for ``django.tasks``."""

from functools import partial
from uuid import UUID

from django.db import transaction
from django.tasks import Task, TaskResult, TaskResultStatus
from django.tasks.base import TaskError
from django.tasks.exceptions import TaskResultDoesNotExist
from django.utils.module_loading import import_string

from apps.isolation import current_tenant
from apps.isolation.integrations.tasks import Envelope, Sender, TenantTaskBackend
from apps.isolation.strategy.transactions import open_transaction
from apps.observability.logs import ids_of
from apps.observability.request_id import current_request
from apps.observability.telemetry import trace_headers
from apps.tasks import queue
from apps.tasks.models import State, TaskRun

STATUSES = {
    State.WAITING: TaskResultStatus.READY,
    State.RUNNING: TaskResultStatus.RUNNING,
    State.DONE: TaskResultStatus.SUCCESSFUL,
    State.DEAD: TaskResultStatus.FAILED,
    State.CANCELLED: TaskResultStatus.FAILED,
}


class TaskBackend(TenantTaskBackend):
    """Stores tasks in the shared database, for ``manage.py work``.

    A task runs if and only if the transaction that enqueued it is committed, even if that is in
    another database.
    """

    supports_async_task = True
    supports_defer = True
    supports_get_result = True
    supports_priority = True

    def sender(self) -> Sender:
        """Return user, request and trace; inside a task, those of the task."""
        ids = ids_of(current_request.get())
        user, request_id = str(ids["user"]), str(ids["request_id"])
        return {
            "user": None if user == "-" else UUID(user),
            "request_id": "" if request_id == "-" else request_id,
            "trace": trace_headers(),
        }

    def put[**P, R](
        self, task: Task[P, R], envelope: Envelope, *, unless_open: bool = False
    ) -> bool:
        """Store the envelope; confirm the task after the commit of another database."""
        pending = open_transaction()
        if not queue.put(task, envelope, transaction=pending, unless_open=unless_open):
            return False
        if pending:
            confirm = partial(queue.confirm, envelope.id, task.run_after)
            confirm.undo = partial(queue.discard, envelope.id)  # type: ignore[attr-defined]
            transaction.on_commit(confirm, robust=True)
        return True

    def get_result(self, result_id: str) -> TaskResult[..., object]:
        """Return the state of a task of the active tenant, or without a tenant, of a platform task.

        Arguments and return values are not stored. Raises TaskResultDoesNotExist for another
        tenant's task, and for a task whose code was removed.
        """
        tenant = current_tenant()
        try:
            run = TaskRun.platform.get(pk=UUID(result_id), tenant=tenant.id if tenant else None)
            return result_of(run)
        except (ValueError, ImportError, TaskRun.DoesNotExist) as error:
            raise TaskResultDoesNotExist(result_id) from error


def result_of(run: TaskRun) -> TaskResult[..., object]:
    """Return a task's result in Django's form."""
    task: Task[..., object] = import_string(run.task)
    return TaskResult(
        task=task,
        id=str(run.pk),
        status=STATUSES[State(run.state)],
        enqueued_at=run.enqueued_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        last_attempted_at=run.started_at,
        args=[],
        kwargs={},
        backend=task.backend,
        errors=[TaskError(exception_class_path=run.error, traceback="")] if run.error else [],
        worker_ids=[""] * run.attempts,
    )
