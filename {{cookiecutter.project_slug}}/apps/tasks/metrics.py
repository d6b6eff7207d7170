"""Metrics of background work: waiting and dead tasks, and durations."""

from collections.abc import Iterator

from django.db import connections
from prometheus_client import Histogram, Metric
from prometheus_client.core import GaugeMetricFamily

from apps.isolation.app_registry import SHARED_DB
from apps.observability.metrics import COUNTED, measures

SECONDS = Histogram(
    "task_seconds",
    "Seconds that a task took, by its dotted path.",
    ["task", "state"],
    buckets=(0.05, 0.25, 1, 5, 25, 100, 600),
    registry=COUNTED,
)

# Only due tasks count; a postponed task is not late.
_WAITING = """
SELECT count(*) FILTER (WHERE job.status = 'todo'),
    coalesce(extract(epoch FROM now() - min(coalesce(job.scheduled_at, run.enqueued_at))
        FILTER (WHERE job.status = 'todo')), 0),
    count(*) FILTER (WHERE job.status = 'failed')
FROM tasks_taskrun run JOIN procrastinate_jobs job ON job.id = run.job
WHERE run.state IN ('waiting', 'running', 'dead') AND coalesce(job.scheduled_at, now()) <= now()
"""


@measures
def count_tasks() -> Iterator[Metric]:
    """Count due tasks, the seconds since the oldest one was due, and dead tasks."""
    with connections[SHARED_DB].cursor() as cursor:
        cursor.execute(_WAITING)
        waiting, oldest, dead = cursor.fetchone() or (0, 0, 0)
    yield GaugeMetricFamily("tasks_waiting", "Due tasks that wait for a worker.", waiting)
    yield GaugeMetricFamily(
        "task_oldest_seconds", "Seconds for which the oldest due task has waited.", float(oldest)
    )
    yield GaugeMetricFamily("tasks_dead", "Tasks that have failed for good.", dead)
