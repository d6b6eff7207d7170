"""Workers: killed, stopped and concurrent ones, and forged schedules."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from io import StringIO
from subprocess import Popen
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connections
from django.tasks.exceptions import TaskResultDoesNotExist
from django.test import Client
from django.utils import timezone
from django.utils.module_loading import autodiscover_modules, import_string

from apps.isolation import tenant_context
from apps.isolation.app_registry import SHARED_DB
from apps.isolation.integrations.tasks import schedule
from apps.isolation.testing import make_member, owner_cursor
from apps.isolation.testing.people import PASSWORD
from apps.observability.metrics import exposition
from apps.tasks import queue
from apps.tasks.models import State, TaskRun
from apps.tasks.probe import Beat, _answer
from apps.tasks.runner import Dead
from apps.tasks.tasks import forget_log_ins, forget_tasks
from apps.tasks.testing import run_enqueued_tasks
from apps.tasks.worker import _lanes, _tick
from apps.tenants.tasks import check_tenants, keep_pending_tenants
from tests.sample import tasks
from tests.sample.models import Label
from tests.support import manage, start


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)


def _is_running() -> bool:
    return TaskRun.platform.filter(state=State.RUNNING).exists()


@contextmanager
def _worker_in_a_task(
    tenant: Any, *options: str
) -> Iterator[tuple[Popen[str], Callable[[], None]]]:
    """Start a worker; yield it, waiting for a lock in a task, with a function that releases it."""
    with owner_cursor(tenant) as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [tasks.LOCK])
        with tenant_context(tenant):
            tasks.wait_and_label.enqueue("done")
        process = start("manage.py", "work", "--concurrency=1", *options)
        try:
            _until(_is_running)
            yield process, partial(cursor.execute, "SELECT pg_advisory_unlock_all()")
        finally:
            process.kill()
            cursor.execute("SELECT pg_advisory_unlock_all()")
            process.communicate()


def _finish(tenant: Any) -> list[str]:
    assert manage("work", "--drain", "--concurrency=1").returncode == 0
    with tenant_context(tenant):
        return list(Label.objects.values_list("word", flat=True))


@pytest.mark.django_db(transaction=True)
@pytest.mark.two_connections
def test_job_of_a_killed_worker_is_taken_over(acme: Any) -> None:
    with _worker_in_a_task(acme) as (process, _):
        with connections[SHARED_DB].cursor() as cursor:
            cursor.execute("UPDATE procrastinate_workers SET last_heartbeat = '2000-01-01'")
        assert queue.hold([TaskRun.platform.get().job]) == 1
        assert queue.give_back_stalled(15) == 0  # its death is noticed
        process.kill()
        process.wait()
        with tenant_context(acme):
            assert not Label.objects.exists()
    _until(lambda: queue.give_back_stalled(1) == 1)
    assert _finish(acme) == ["done"]
    run = TaskRun.platform.get()
    assert (run.state, run.attempts) == (State.DONE, 2)


@pytest.mark.django_db(transaction=True)
@pytest.mark.two_connections
@pytest.mark.parametrize("jump", ["1 hour", "-1 hour"])
def test_jump_of_the_clock_loses_no_task(jump: str, acme: Any) -> None:
    """The database's clock is an hour off the heartbeats; then the worker is killed."""
    with _worker_in_a_task(acme) as (process, _):
        process.kill()
        process.wait()
        with connections[SHARED_DB].cursor() as cursor:
            cursor.execute(
                "UPDATE procrastinate_workers SET last_heartbeat = now() - %s::interval", [jump]
            )
    assert queue.give_back_stalled(15) == 1
    assert _finish(acme) == ["done"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.two_connections
def test_worker_that_seems_lost_goes_on(acme: Any) -> None:
    """A clock that jumps makes a busy worker seem lost, and another one runs its task too.

    The second run fails, since a label's word is unique. The task is done all the same.
    """
    with _worker_in_a_task(acme) as (_, release):
        assert queue.give_back_stalled(0) == 1
        other = start("manage.py", "work", "--drain", "--concurrency=1")
        _until(TaskRun.platform.filter(attempts=2, state=State.RUNNING).exists)
        release()
        other.communicate(timeout=60)
        assert other.returncode == 0
        with tenant_context(acme):
            tasks.wait_and_label.enqueue("next")
        _until(lambda: set(TaskRun.platform.values_list("state", flat=True)) == {State.DONE})
    with tenant_context(acme):
        assert sorted(Label.objects.values_list("word", flat=True)) == ["done", "next"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.two_connections
def test_stopped_worker_returns_unfinished_jobs(acme: Any) -> None:
    with _worker_in_a_task(acme, "--grace=0.2") as (process, _):
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
        run = TaskRun.platform.get()
        assert (run.state, run.attempts) == (State.WAITING, 0)


@pytest.mark.django_db(transaction=True)
@pytest.mark.two_connections
def test_stopped_worker_finishes_its_job(acme: Any) -> None:
    with _worker_in_a_task(acme, "--grace=60") as (process, release):
        process.send_signal(signal.SIGTERM)
        release()
        _, log = process.communicate(timeout=60)
        assert process.returncode == 0
        assert "Traceback" not in log
    with tenant_context(acme):
        assert Label.objects.count() == 1
    assert TaskRun.platform.get().state == State.DONE


@pytest.mark.django_db(transaction=True)
@pytest.mark.two_connections
def test_two_workers_do_each_task_once(acme: Any) -> None:
    with tenant_context(acme):
        for number in range(20):
            tasks.wait_and_label.enqueue(f"label {number}")
    workers = [start("manage.py", "work", "--drain", "--concurrency=1") for _ in range(2)]
    for each in workers:
        output, errors = each.communicate(timeout=120)
        assert each.returncode == 0, output + errors
    assert set(TaskRun.platform.values_list("state", "attempts")) == {(State.DONE, 1)}
    with tenant_context(acme):
        assert Label.objects.count() == 20


@pytest.mark.django_db(transaction=True)
@pytest.mark.two_connections
def test_nightly_tasks_run_with_the_rights_of_their_workers(acme: Any) -> None:
    """The shipped worker has the run-time role alone; the provisioner also has the owner's."""
    make_member(acme, "owner")  # the health check requires one
    autodiscover_modules("tasks")
    for path in schedule():
        import_string(path).enqueue()
    shipped = manage("work", "--drain", "--concurrency=1", DATABASE_OWNER_URL="")
    assert shipped.returncode == 0, shipped.stderr
    runs = TaskRun.platform.all()
    left = set(runs.filter(state=State.WAITING).values_list("task", flat=True))
    assert left <= {check_tenants.module_path, keep_pending_tenants.module_path}
    provisioner = manage("work", "--drain", "--queues=owner")
    assert provisioner.returncode == 0, provisioner.stderr
    assert set(runs.values_list("state", "error")) == {(State.DONE, "")}


def test_half_of_the_slots_are_for_tenants_with_few_tasks() -> None:
    every = ["default", "owner", "rest"]
    assert _lanes(4, None) == [(["default"], 2), (every, 2)]
    assert _lanes(1, None) == [(every, 1)]
    assert _lanes(4, ["mine"]) == [(["mine"], 4)]


def test_worker_without_owner_rights_ignores_the_owner_queue(settings: Any) -> None:
    settings.CAN_PROVISION = False
    assert _lanes(1, None) == [(["default", "rest"], 1)]


def test_schedule_contains_periodic_tasks_only(db: None) -> None:
    assert schedule()[forget_tasks.module_path] == "17 3 * * *"
    _tick(0, forget_tasks.module_path)
    assert TaskRun.platform.get().task == forget_tasks.module_path
    with pytest.raises(Dead):
        _tick(0, tasks.note_nobody.module_path)


@pytest.mark.parametrize(
    ("state", "days", "is_kept"),
    [
        (State.DONE, 6, True),
        (State.DONE, 8, False),
        (State.DEAD, 29, True),
        (State.DEAD, 31, False),
    ],
)
def test_old_results_are_deleted(state: State, days: int, is_kept: bool, acme: Any) -> None:
    with tenant_context(acme):
        tasks.note_tenant.enqueue()
    (run,) = run_enqueued_tasks()
    ended = TaskRun.platform.filter(pk=run.pk)
    ended.update(state=state, finished_at=timezone.now() - timedelta(days=days))
    forget_tasks.call()
    assert ended.exists() == is_kept


def test_expired_log_ins_are_deleted_by_a_task(db: None) -> None:
    forget_log_ins.enqueue()
    (run,) = run_enqueued_tasks()
    assert run.state == State.DONE


@pytest.fixture
def dead(acme: Any) -> TaskRun:
    """Return a dead task."""
    with tenant_context(acme):
        tasks.break_down.enqueue("CANARY")
    TaskRun.platform.update(attempts=4)
    (run,) = run_enqueued_tasks()
    assert run.state == State.DEAD
    return run


def _tasks(*options: str) -> str:
    output = StringIO()
    call_command("tasks", *options, stdout=output)
    return output.getvalue()


def test_dead_task_can_be_listed_and_retried(dead: TaskRun, acme: Any) -> None:
    (row,) = json.loads(_tasks("--failed", "--json"))
    assert (row["id"], row["tenant"]) == (str(dead.pk), str(acme.pk))
    assert row["error"] == "builtins.ZeroDivisionError"
    assert "CANARY" not in _tasks("--failed") + json.dumps(row)
    with tenant_context(acme):
        Label.objects.all().delete()
    assert _tasks("--retry", str(dead.pk)) == "Done.\n"
    assert json.loads(_tasks("--json"))[0]["state"] == "waiting"
    (again,) = run_enqueued_tasks()
    assert (again.pk, again.attempts, again.state) == (dead.pk, 1, State.WAITING)
    assert _tasks("--cancel", str(dead.pk)) == "Done.\n"
    for option in ("--retry", "--cancel"):
        with pytest.raises(CommandError, match="There is no "):
            _tasks(option, str(dead.pk))


def test_metrics_of_waiting_and_dead_tasks(dead: TaskRun, acme: Any) -> None:
    with tenant_context(acme):
        tasks.note_tenant.enqueue()
    queue.confirm(TaskRun.platform.order_by("-pk")[0].pk, None)
    lines = exposition().decode().splitlines()
    assert "tasks_waiting 1.0" in lines
    assert "tasks_dead 1.0" in lines
    assert any(line.startswith("task_oldest_seconds ") for line in lines)
    counted = f'task_seconds_count{{state="failed",task="{dead.task}"}}'
    assert any(line.startswith(counted) for line in lines)


def test_probe_of_a_worker(settings: Any) -> None:
    beat = Beat()
    settings.METRICS_TOKEN = "the-token"
    assert _answer({"PATH_INFO": "/healthz/live"}, beat)[0] == 200
    beat.last -= 61
    assert _answer({"PATH_INFO": "/healthz/live"}, beat)[0] == 503
    assert _answer({"PATH_INFO": "/metrics"}, beat)[0] == 401
    wrong = {"PATH_INFO": "/metrics", "HTTP_AUTHORIZATION": "Bearer é"}
    assert _answer(wrong, beat)[0] == 401
    right = {"PATH_INFO": "/metrics", "HTTP_AUTHORIZATION": "Bearer the-token"}
    assert b"task_seconds" in _answer(right, beat)[1]
    settings.METRICS_TOKEN = ""
    assert _answer({"PATH_INFO": "/metrics", "HTTP_AUTHORIZATION": "Bearer "}, beat)[0] == 404


def test_staff_see_tasks_without_arguments(dead: TaskRun) -> None:
    """Procrastinate's own pages would show arguments, so they are unregistered."""
    users: Any = get_user_model()._default_manager
    users.create_superuser("staff@example.test", PASSWORD)
    client = Client(headers={"Host": "localhost"})
    client.post("/admin/login/", {"username": "staff@example.test", "password": PASSWORD})
    assert client.get("/admin/procrastinate/procrastinatejob/").status_code == 404
    page = client.get(f"/admin/tasks/taskrun/{dead.pk}/change/")
    assert page.status_code == 200
    assert b"CANARY" not in page.content
    chosen = {"action": "run_again", "_selected_action": [str(dead.pk)]}
    assert client.post("/admin/tasks/taskrun/", chosen).status_code == 302
    dead.refresh_from_db()
    assert dead.state == State.WAITING


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["tests.sample.tasks.gone", "gone.label", "gone"])
def test_result_of_a_removed_task_is_not_found(acme: Any, path: str) -> None:
    with tenant_context(acme):
        result = tasks.note_tenant.enqueue()
        TaskRun.platform.filter(pk=result.id).update(task=path)
        with pytest.raises(TaskResultDoesNotExist):
            tasks.note_tenant.get_result(result.id)
