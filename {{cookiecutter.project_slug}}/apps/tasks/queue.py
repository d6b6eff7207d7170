"""The queue: Procrastinate's jobs in the shared data, each with a `TaskRun`.

One statement writes both, in the transaction that enqueues the task, so both exist or neither.

https://procrastinate.readthedocs.io
"""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import connections
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.tasks import Task
from psycopg.types.json import Jsonb

from apps.isolation.app_registry import SHARED_DB
from apps.isolation.integrations.tasks import Envelope
from apps.tasks.models import State, TaskRun

JOB: Final = "task"
"""Name of all jobs that hold a sealed envelope."""

DEFAULT: Final = "default"
REST: Final = "rest"
"""Queue of a tenant's tasks beyond TENANT_TASKS_AT_ONCE, which half of the slots serve."""

UNCONFIRMED_SECONDS: Final = 60
"""Seconds after which a worker queries the outcome of a transaction in another database."""

# A tenant's number of open tasks determines the queue and the priority of a new one. Counting stops
# at this number.
COUNTED: Final = 1000

_ENQUEUE = """
WITH opened AS (
    SELECT count(*)::int AS number FROM (
        SELECT FROM tasks_taskrun
        WHERE tenant_id = %(tenant)s AND state IN ('waiting', 'running') LIMIT %(counted)s
    ) AS runs
), job AS (
    SELECT unnest(procrastinate_defer_jobs_v1(ARRAY[ROW(
        CASE WHEN is_rest THEN %(rest)s ELSE %(queue)s END, %(job)s,
        CASE WHEN is_rest THEN %(priority)s - number ELSE %(priority)s END,
        NULL, NULL, %(args)s,
        CASE WHEN %(transaction)s = '' THEN %(due)s
            ELSE greatest(%(due)s, now() + make_interval(secs => %(seconds)s)) END
    )]::procrastinate_job_to_defer_v1[])) AS id
    FROM opened,
        LATERAL (SELECT %(queue)s = %(default)s AND number >= %(share)s) AS lane (is_rest)
    WHERE NOT (%(unless_open)s AND EXISTS (
        SELECT FROM tasks_taskrun
        WHERE tenant_id = %(tenant)s AND task = %(task)s AND state IN ('waiting', 'running')))
)
INSERT INTO tasks_taskrun
    (id, tenant_id, user_id, task, state, attempts, error, job, transaction, enqueued_at)
SELECT %(id)s, %(tenant)s, %(user)s, %(task)s, 'waiting', 0, '', id, %(transaction)s, now() FROM job
RETURNING job
"""
_CONFIRM = """
WITH run AS (
    UPDATE tasks_taskrun SET transaction = '' WHERE id = %(id)s RETURNING job
)
UPDATE procrastinate_jobs AS job SET scheduled_at = %(due)s FROM run
WHERE job.id = run.job AND job.status = 'todo'
"""
_DISCARD = """
WITH run AS (
    DELETE FROM tasks_taskrun WHERE id = %(id)s AND state = 'waiting' RETURNING job
)
DELETE FROM procrastinate_jobs AS job USING run WHERE job.id = run.job AND job.status = 'todo'
"""
_RETRY = """
WITH run AS (
    UPDATE tasks_taskrun SET state = 'waiting', attempts = 0, finished_at = NULL
    WHERE id = %(id)s AND state = 'dead' RETURNING job
)
SELECT procrastinate_retry_job_v2(job, now(), NULL, NULL, NULL) FROM run
"""
_CANCEL = """
WITH run AS (
    UPDATE tasks_taskrun SET state = 'cancelled', finished_at = now()
    WHERE id = %(id)s AND state IN ('waiting', 'dead') RETURNING job
)
DELETE FROM procrastinate_jobs AS job USING run
WHERE job.id = run.job AND job.status IN ('todo', 'failed')
RETURNING job.id
"""
_HOLD = """
UPDATE procrastinate_workers SET last_heartbeat = now()
WHERE id IN (SELECT worker_id FROM procrastinate_jobs WHERE id = ANY (%(jobs)s))
"""
_GIVE_BACK = """
WITH lost AS (
    UPDATE procrastinate_jobs SET status = 'todo', worker_id = NULL
    WHERE status = 'doing' AND ({condition})
    RETURNING id
)
UPDATE tasks_taskrun AS run SET state = 'waiting', attempts = attempts - {uncounted} FROM lost
WHERE run.job = lost.id AND run.state = 'running'
RETURNING run.id
"""
_STALLED = _GIVE_BACK.format(
    uncounted=0,
    condition="""worker_id IS NULL OR worker_id NOT IN (
        SELECT id FROM procrastinate_workers
        WHERE abs(extract(epoch FROM now() - last_heartbeat)) < %(seconds)s)""",
)
_NAMED = _GIVE_BACK.format(uncounted=1, condition="id = ANY (%(jobs)s)")


def put[**P, R](
    task: Task[P, R], envelope: Envelope, *, transaction: str = "", unless_open: bool = False
) -> bool:
    """Store a task in one round trip; it is due at once, unless a commit must be confirmed first.

    Returns False if ``unless_open`` skipped it.
    """
    return bool(
        _execute(
            _ENQUEUE,
            id=envelope.id,
            tenant=envelope.tenant,
            user=envelope.user,
            task=envelope.task,
            transaction=transaction,
            unless_open=unless_open,
            args=Jsonb({"envelope": envelope.seal()}),
            due=task.run_after,
            queue=task.queue_name,
            priority=task.priority,
            seconds=UNCONFIRMED_SECONDS,
            counted=COUNTED,
            share=settings.TENANT_TASKS_AT_ONCE,
            job=JOB,
            default=DEFAULT,
            rest=REST,
        )
    )


def confirm(run_id: UUID, due: datetime | None) -> None:
    """Make a task due, since its transaction was committed."""
    _execute(_CONFIRM, id=run_id, due=due)


def discard(run_id: UUID) -> None:
    """Delete a task whose transaction or savepoint was rolled back."""
    # A block that will be rolled back deletes the task by itself, and accepts no statements.
    if not connections[SHARED_DB].needs_rollback:
        _execute(_DISCARD, id=run_id)


def retry(run_id: UUID) -> bool:
    """Restart a dead task without earlier attempts; return whether it exists."""
    return bool(_execute(_RETRY, id=run_id))


def cancel(run_id: UUID) -> bool:
    """Cancel a waiting or dead task; return whether it exists."""
    return bool(_execute(_CANCEL, id=run_id))


def hold(jobs: list[int]) -> int:
    """Update the heartbeat of the workers of this process's jobs; return their number."""
    return _execute(_HOLD, jobs=jobs)


def give_back_stalled(seconds: float) -> int:
    """Release the tasks of workers without a heartbeat; return their number.

    A heartbeat of the future counts as none: the database's clock has been set back.
    """
    return _execute(_STALLED, seconds=seconds)


def give_back(jobs: list[int]) -> int:
    """Release this process's jobs for other workers; return their number."""
    return _execute(_NAMED, jobs=jobs)


def end(run: TaskRun, state: State, error: str = "") -> None:
    """Record the end of a task, unless another worker has completed it."""
    _not_done(run).update(state=state, error=error, finished_at=Now())


def put_off(run: TaskRun, error: str, *, is_counted: bool = True) -> None:
    """Return a task to the queue, unless another worker has completed it.

    Its last attempt counts or not.
    """
    tries = run.attempts if is_counted else run.attempts - 1
    _not_done(run).update(state=State.WAITING, error=error, attempts=tries)


def _not_done(run: TaskRun) -> QuerySet[TaskRun]:
    return TaskRun.platform.filter(pk=run.pk).exclude(state=State.DONE)


def _execute(statement: str, **params: Any) -> int:
    with connections[SHARED_DB].cursor() as cursor:
        cursor.execute(statement, params)
        return int(cursor.rowcount)
