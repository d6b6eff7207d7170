"""Kills workers of a running project, floods its queue, and counts the results of the tasks.

Run inside a generated project: ``python tasks.py [--kills 50]``. Workers and settings are those of
production.

Kills: SIGKILL ends a worker at random moments, while two tenants enqueue tasks. Finally each task
must have run in its own tenant. Only tasks that were running during a kill may have run twice.

Restart: PostgreSQL ends all its connections and recovers while a worker runs tasks. The worker must
go on by itself, and complete each task.

Fairness: while 40 tasks of one tenant take 5 seconds each, another tenant's task must end within
`MOST_WAIT_SECONDS`, with one worker and 4 slots.

Cost: a fetch with 10,000 waiting tasks takes at most `MOST_FACTOR` times one with 10.
"""

from __future__ import annotations

import argparse
import os
import random
import secrets
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MOST_WAIT_SECONDS, MOST_FACTOR = 2, 2
TASKS_A_KILL, LONGEST_LIFE_SECONDS = 6, 2
TASKS_A_RESTART = 20
LONG_TASKS, LONG_SECONDS, ASKED = 40, 5, 5
FEW, MANY, FETCHES = 10, 10_000, 50
END_SECONDS = 300
ENVIRONMENT = {
    "DJANGO_SETTINGS_MODULE": "config.settings.production",
    "SHARED_HOSTS": "localhost",
    "TENANT_BASE_DOMAIN": "localhost",
    "EMAIL_URL": "smtp://localhost",
    "SECRET_KEY": secrets.token_urlsafe(50),
    "JWT_SIGNING_KEY": secrets.token_urlsafe(50),
    "DATABASE_TENANT_SECRET": secrets.token_urlsafe(50),
}
# Rows of the example record the tenant of a task, and how often it ran.
MODULE = """
import time
from django.tasks import task
from apps.isolation.fields import new_id
from apps.projects.models import Project

@task(takes_context=True)
def note(context, tenant, seconds=0.0):
    time.sleep(seconds)
    Project.objects.create(name=f"{context.task_result.id} {tenant} {new_id()}")
"""
# If one of its processes crashes, PostgreSQL ends all others and recovers.
BACKEND = """
SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
LIMIT 1
"""
FETCH = "SELECT id FROM procrastinate_fetch_job_v2(%s::varchar[], NULL)"


def main() -> None:
    """Run all parts; exit 1 after a problem."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=50)
    kills = parser.parse_args().kills
    configure()
    tenants = [make_tenant("one"), make_tenant("other")]
    problems = [
        *kill_workers(tenants, kills),
        *restart_database(tenants),
        *be_fair(*tenants),
        *fetch(tenants[0]),
    ]
    if problems:
        sys.exit("\n".join(problems))


def configure() -> None:
    """Load the project with its production settings, on a migrated database."""
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 - as python -m would
    from devtools.embedded_postgres import configure_environment

    configure_environment()
    os.environ.update(ENVIRONMENT)
    Path("trial.py").write_text(MODULE, encoding="utf-8")
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def make_tenant(name: str) -> Any:
    """Create a tenant."""
    from apps.tenants.services import create_tenant

    slug = f"{name}-{secrets.token_hex(4)}"
    return create_tenant(slug=slug, name=slug)


def enqueue(tenant: Any, count: int, seconds: float = 0.0) -> list[str]:
    """Enqueue tasks of a tenant; return their ids."""
    from apps.isolation import tenant_context
    from trial import note

    with tenant_context(tenant):
        return [note.enqueue(str(tenant.pk), seconds).id for _ in range(count)]


@contextmanager
def worker() -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker as in production."""
    with Path("tasks.log").open("a", encoding="utf-8") as log:
        process = subprocess.Popen([sys.executable, "manage.py", "work"], stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def until(holds: Callable[[], bool], what: str) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + END_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            sys.exit(f"Not reached within {END_SECONDS} s: {what}; see tasks.log.")
        time.sleep(0.02)


def kill_workers(tenants: list[Any], kills: int) -> Iterator[str]:
    """Kill workers at random moments; yield problems of the tasks."""
    from apps.tasks.models import TaskRun

    expected: dict[str, str] = {}
    in_flight: set[str] = set()
    for _ in range(kills):
        for tenant in tenants:
            expected |= dict.fromkeys(enqueue(tenant, TASKS_A_KILL, 0.2), str(tenant.pk))
        with worker() as process:
            until(TaskRun.platform.filter(state="running").exists, "a task runs")
            time.sleep(random.uniform(0, LONGEST_LIFE_SECONDS))  # noqa: S311 - no secret
            process.kill()
            process.wait()
            running = TaskRun.platform.filter(state="running").values_list("pk", flat=True)
            in_flight |= {str(pk) for pk in running}
    with worker():
        rows = TaskRun.platform.filter(pk__in=expected)
        until(lambda: rows.filter(state="done").count() == len(expected), "every task is done")
    runs = [run for tenant in tenants for run in runs_in(tenant)]
    twice = {pk for pk, count in Counter(pk for pk, _, _ in runs).items() if count > 1}
    print(
        f"{kills} kills: {len(expected)} tasks, {len(in_flight)} in flight, {len(twice)} ran twice"
    )
    if lost := expected.keys() - {pk for pk, _, _ in runs}:
        yield f"{len(lost)} tasks were lost"
    if any(meant != ran_in or expected[pk] != ran_in for pk, meant, ran_in in runs):
        yield "a task ran for the wrong tenant"
    if twice - in_flight:
        yield f"{len(twice - in_flight)} tasks ran twice that were not in flight"


def restart_database(tenants: list[Any]) -> Iterator[str]:
    """Restart PostgreSQL while tasks run; yield problems of the tasks."""
    from apps.tasks.models import TaskRun
    from django.db import connections

    expected = {
        pk: str(tenant.pk) for tenant in tenants for pk in enqueue(tenant, TASKS_A_RESTART, 0.2)
    }
    rows = TaskRun.platform.filter(pk__in=expected)
    with worker():
        until(rows.filter(state="running").exists, "a task runs")
        with connections["owner"].cursor() as cursor:
            cursor.execute(BACKEND)
            (pid,) = cursor.fetchone()
        os.kill(pid, signal.SIGKILL)
        until(lambda: answers(rows), "PostgreSQL is back")
        until(lambda: rows.filter(state="done").count() == len(expected), "every task is done")
    runs = [run for tenant in tenants for run in runs_in(tenant)]
    print(f"PostgreSQL restarted: {len(expected)} tasks, all done")
    if lost := expected.keys() - {pk for pk, _, _ in runs}:
        yield f"{len(lost)} tasks were lost when PostgreSQL restarted"


def answers(rows: Any) -> bool:
    """Return whether PostgreSQL answers again."""
    from django.db import DatabaseError, connections

    try:
        return bool(rows.count())
    except DatabaseError:
        for connection in connections.all():
            connection.close()
        return False


def runs_in(tenant: Any) -> list[tuple[str, str, str]]:
    """Return the runs in a tenant: task id, intended tenant, actual tenant."""
    from apps.isolation import tenant_context
    from apps.projects.models import Project

    with tenant_context(tenant):
        names = [name.split() for name in Project.objects.values_list("name", flat=True)]
    return [(pk, meant, str(tenant.pk)) for pk, meant, _ in names]


def be_fair(busy: Any, quiet: Any) -> Iterator[str]:
    """Enqueue long tasks of one tenant; yield the effect on another tenant."""
    from apps.tasks.models import TaskRun

    enqueue(busy, LONG_TASKS, LONG_SECONDS)
    waits = []
    with worker():
        running = TaskRun.platform.filter(state="running", tenant=busy)
        until(lambda: running.count() >= 2, "two long tasks run")
        for _ in range(ASKED):
            began = time.monotonic()
            (pk,) = enqueue(quiet, 1)
            done = TaskRun.platform.filter(pk=pk, state="done")
            until(done.exists, "the other tenant's task is done")
            waits.append(time.monotonic() - began)
    TaskRun.platform.filter(tenant=busy, state__in=["waiting", "running"]).delete()
    print(f"beside {LONG_TASKS} tasks of {LONG_SECONDS} s: {max(waits):.2f} s at most")
    if max(waits) > MOST_WAIT_SECONDS:
        yield f"another tenant waited {max(waits):.2f} s"


def fetch(tenant: Any) -> Iterator[str]:
    """Compare a fetch with few and with many waiting tasks."""
    from django.db import connections

    with connections["owner"].cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")
    enqueue(tenant, FEW)
    few = {queues: fetch_seconds(queues) for queues in ("default", "all")}
    enqueue(tenant, MANY - FEW)
    for queues, before in few.items():
        factor = fetch_seconds(queues) / before
        print(f"a fetch ({queues}) with {FEW}: {1000 * before:.2f} ms; with {MANY}: x {factor:.1f}")
        if factor > MOST_FACTOR:
            yield f"a fetch ({queues}) with {MANY} waiting takes {factor:.1f} times one with {FEW}"


def fetch_seconds(queues: str) -> float:
    """Return the median time of a fetch; each one is rolled back."""
    from django.db import connections, transaction

    asked = ["default"] if queues == "default" else None
    seconds = []
    with connections["owner"].cursor() as cursor:
        cursor.execute("ANALYZE procrastinate_jobs")
        for _ in range(FETCHES):
            with transaction.atomic(using="owner"):
                began = time.perf_counter()
                cursor.execute(FETCH, [asked])
                cursor.fetchall()
                seconds.append(time.perf_counter() - began)
                transaction.set_rollback(True, using="owner")
    return median(seconds)


if __name__ == "__main__":
    main()
