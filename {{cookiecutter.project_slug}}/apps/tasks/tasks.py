"""Platform tasks."""

from typing import Final

from django.core.management import call_command
from django.db import connections

from apps.isolation.app_registry import SHARED_DB
from apps.isolation.integrations.tasks import periodic, platform_task

KEPT_DAYS: Final = 7
"""Days for which the result of a task is kept."""

KEPT_DEAD_DAYS: Final = 30
"""Days for which a dead task is kept with its arguments, and can be retried."""

_FORGET = """
WITH forgotten AS (
    DELETE FROM tasks_taskrun
    WHERE state IN ('done', 'cancelled') AND finished_at < now() - make_interval(days => %(kept)s)
        OR state = 'dead' AND finished_at < now() - make_interval(days => %(kept_dead)s)
    RETURNING job
)
DELETE FROM procrastinate_jobs job USING forgotten
WHERE job.id = forgotten.job AND job.status NOT IN ('todo', 'doing')
"""


@periodic("17 3 * * *")
@platform_task
def forget_tasks() -> None:
    """Delete old rows of ended tasks."""
    with connections[SHARED_DB].cursor() as cursor:
        cursor.execute(_FORGET, {"kept": KEPT_DAYS, "kept_dead": KEPT_DEAD_DAYS})


@periodic("27 3 * * *")
@platform_task
def forget_log_ins() -> None:
    """Delete expired sessions, and rows of expired tokens."""
    call_command("clearsessions", verbosity=0)
    call_command("flushexpiredtokens", verbosity=0)
