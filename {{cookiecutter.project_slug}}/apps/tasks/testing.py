"""Test support: runs enqueued tasks."""

from uuid import UUID

from django.db import connections

from apps.isolation.app_registry import SHARED_DB
from apps.isolation.context import activate_tenant
from apps.isolation.strategy.protocol import Outcome
from apps.isolation.strategy.transactions import outcome
from apps.tasks import queue
from apps.tasks.models import OPEN, TaskRun
from apps.tasks.runner import Dead, PutOff, run_job

_DUE = """
UPDATE procrastinate_jobs SET status = 'doing' WHERE id = (
    SELECT id FROM procrastinate_jobs
    WHERE status = 'todo' AND task_name = %s AND (scheduled_at IS NULL OR scheduled_at <= now())
    ORDER BY priority DESC, id LIMIT 1 FOR UPDATE SKIP LOCKED
) RETURNING id, args ->> 'envelope'
"""
_FINISH = "SELECT procrastinate_finish_job_v1(%s, %s, %s)"
_RETRY = """
SELECT procrastinate_retry_job_v2(%s, now() + make_interval(secs => %s), NULL, NULL, NULL)
"""


def run_enqueued_tasks() -> list[TaskRun]:
    """Run all due tasks like a worker, each in its tenant; return them.

    It also runs tasks that these enqueue, until none is due. A failed task waits for its next
    attempt, as in production, and is returned with its ``error``.
    """
    ran: list[TaskRun] = []
    with activate_tenant(None):
        _confirm()
        while job := _next():
            opened = list(TaskRun.platform.filter(job=job[0], state__in=OPEN))
            _run(*job)
            _confirm()
            ran += TaskRun.platform.filter(pk__in=[run.pk for run in opened])
    return ran


def _confirm() -> None:
    """Treat the test's own transaction as committed, for tenants with their own database."""
    for run in TaskRun.platform.exclude(transaction=""):
        if outcome(UUID(str(run.tenant_id)), run.transaction) != Outcome.ABORTED:
            queue.confirm(run.pk, None)


def _next() -> tuple[int, str] | None:
    with connections[SHARED_DB].cursor() as cursor:
        cursor.execute(_DUE, [queue.JOB])
        found: tuple[int, str] | None = cursor.fetchone()
    return found


def _run(job: int, envelope: str) -> None:
    with connections[SHARED_DB].cursor() as cursor:
        try:
            run_job(envelope, job)
        except Dead:
            cursor.execute(_FINISH, [job, "failed", False])
        except PutOff as again:
            cursor.execute(_RETRY, [job, again.seconds])
        else:
            cursor.execute(_FINISH, [job, "succeeded", True])
