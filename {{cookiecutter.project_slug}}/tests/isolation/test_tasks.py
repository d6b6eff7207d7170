"""Tasks run for the tenant that enqueued them, or not at all (CT10)."""

import json
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from typing import Any

import pytest
from django.db import connections, transaction
from django.tasks.exceptions import TaskResultDoesNotExist

from apps.isolation import NoTenantError, current_tenant, tenant_context
from apps.isolation.app_registry import SHARED_DB
from apps.isolation.integrations.tasks import Envelope, for_each_tenant, periodic
from apps.memberships.models import Membership
from apps.observability.request_id import current_request, request_id
from apps.tasks.models import State, TaskRun
from apps.tasks.runner import Dead, run_job
from apps.tasks.testing import run_enqueued_tasks
from tests.isolation.conftest import Side
from tests.sample import tasks
from tests.sample.counting import count_shelves
from tests.sample.models import Label, Shelf
from tests.support import manage


@pytest.fixture(autouse=True)
def _nothing_seen() -> None:
    tasks.seen.clear()


def _queue(statement: str, **params: Any) -> list[Any]:
    with connections[SHARED_DB].cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.fetchall() if cursor.description else []


def _states() -> list[tuple[str, str]]:
    return list(TaskRun.platform.order_by("pk").values_list("state", "error"))


@pytest.mark.django_db(transaction=True)
def test_ct10_worker_runs_a_task_in_its_tenant(
    sides: tuple[Side, Side],
) -> None:
    """The worker is another process. A failed task does not affect the next one."""
    for side in sides:
        with tenant_context(side.tenant):
            tasks.break_down.enqueue("CANARY broken")
            tasks.build_shelf.enqueue(f"CANARY {side.tenant.slug}")
    count_shelves.enqueue()
    # At the last attempt, when the queue itself logs that a job has failed.
    TaskRun.platform.filter(task=tasks.break_down.module_path).update(attempts=4)
    done = manage("work", "--drain", "--concurrency=1")
    assert done.returncode == 0, done.stderr
    for side in sides:
        with tenant_context(side.tenant):
            names = set(Shelf.objects.values_list("name", flat=True))
            assert names == {side.shelf.name, f"1 CANARY {side.tenant.slug}"}
            assert Label.objects.count() == 1
    failed = TaskRun.platform.exclude(error="").values_list("error", flat=True)
    broken = 2 * ["builtins.ZeroDivisionError"]
    assert sorted(failed) == ["apps.isolation.exceptions.NoTenantError", *broken]
    # The log contains ids of failed and completed tasks, but no arguments.
    assert str(sides[0].tenant.pk) in done.stderr
    assert "ZeroDivisionError" in done.stderr
    assert "CANARY" not in done.stderr + done.stdout


def test_ct10_tenant_task_requires_a_tenant(db: None) -> None:
    with pytest.raises(NoTenantError):
        tasks.note_tenant.enqueue()
    assert _states() == []


def test_ct10_platform_task_runs_without_a_tenant(sides: tuple[Side, Side]) -> None:
    tasks.note_nobody.enqueue()
    with tenant_context(sides[0].tenant):
        tasks.note_nobody.enqueue()
        tasks.note_tenant.enqueue()
        run_enqueued_tasks()
        assert current_tenant() is not None
    assert tasks.seen == [None, None, sides[0].tenant.pk]


def test_ct10_forged_envelope_is_rejected(sides: tuple[Side, Side]) -> None:
    """Write access to the queue without the key is useless."""
    ours, theirs = sides
    with tenant_context(ours.tenant):
        tasks.note_tenant.enqueue()
    _queue(
        "UPDATE procrastinate_jobs SET args = replace(args::text, %(ours)s, %(theirs)s)::jsonb",
        ours=str(ours.tenant.pk),
        theirs=str(theirs.tenant.pk),
    )
    run_enqueued_tasks()
    assert tasks.seen == []
    assert _states() == [(State.DEAD, "ForgedEnvelope")]


@pytest.mark.parametrize("before", ["waiting", "done"])
def test_ct10_copied_job_does_not_run_again(before: str, sides: tuple[Side, Side]) -> None:
    copy = """
    INSERT INTO procrastinate_jobs (queue_name, task_name, args)
    SELECT queue_name, task_name, args FROM procrastinate_jobs
    """
    with tenant_context(sides[0].tenant):
        tasks.note_tenant.enqueue()
    _queue(copy)
    run_enqueued_tasks()
    assert tasks.seen == [sides[0].tenant.pk]
    assert _states() == [(State.DONE, "")]


def test_ct10_copied_job_does_not_run_concurrently(sides: tuple[Side, Side]) -> None:
    with tenant_context(sides[0].tenant):
        tasks.note_tenant.enqueue()
    TaskRun.platform.update(state=State.RUNNING, transaction="")
    (sealed,) = _queue("SELECT args ->> 'envelope' FROM procrastinate_jobs")[0]
    run_job(sealed, TaskRun.platform.get().job + 1)
    assert tasks.seen == []


@pytest.mark.parametrize("status", ["preparing", "suspended", "archived"])
def test_ct10_tasks_of_a_suspended_tenant_wait(status: str, sides: tuple[Side, Side]) -> None:
    """Its tasks wait without counting attempts, and run once it is active again."""
    tenant: Any = sides[0].tenant
    with tenant_context(tenant):
        tasks.note_tenant.enqueue()
    type(tenant).objects.filter(pk=tenant.pk).update(status=status)
    run_enqueued_tasks()
    assert tasks.seen == []
    assert TaskRun.platform.get().attempts == 0
    type(tenant).objects.filter(pk=tenant.pk).update(status="active")
    _make_due()
    run_enqueued_tasks()
    assert tasks.seen == [tenant.pk]


def _make_due() -> None:
    _queue("UPDATE procrastinate_jobs SET scheduled_at = NULL")


@pytest.fixture
def as_member(rf: Any, sides: tuple[Side, Side]) -> Iterator[Membership]:
    """Run the block in a request of a member of our tenant."""
    member = Membership.objects.for_tenant(sides[0].tenant).select_related("user").get()
    request = rf.get("/")
    request.user, request.request_id = member.user, "the-request"
    tokens = current_request.set(request), request_id.set("the-request")
    yield member
    current_request.reset(tokens[0])
    request_id.reset(tokens[1])


@pytest.mark.parametrize("change", ["removed", "inactive", "user inactive"])
def test_ct10_task_of_a_former_member_does_not_run(
    change: str, as_member: Membership, sides: tuple[Side, Side]
) -> None:
    with tenant_context(sides[0].tenant):
        tasks.note_tenant.enqueue()
    if change == "removed":
        as_member.delete()
    elif change == "inactive":
        Membership.platform.filter(pk=as_member.pk).update(is_active=False)
    else:
        type(as_member.user).objects.filter(pk=as_member.user_id).update(is_active=False)
    run_enqueued_tasks()
    assert tasks.seen == []
    assert _states() == [(State.DEAD, "NotAMember")]


def test_ct10_task_of_a_member_logs_its_request(
    as_member: Membership, sides: tuple[Side, Side], caplog: Any
) -> None:
    with tenant_context(sides[0].tenant):
        tasks.note_tenant.enqueue()
    (job, sealed) = _queue("SELECT id, args ->> 'envelope' FROM procrastinate_jobs")[0]
    envelope = Envelope.open(sealed)
    assert (envelope.user, envelope.request_id) == (as_member.user_id, "the-request")
    TaskRun.platform.update(transaction="")
    run_job(sealed, job)
    assert tasks.seen == [sides[0].tenant.pk]


def test_ct10_result_is_visible_in_its_tenant_only(sides: tuple[Side, Side]) -> None:
    ours, theirs = sides
    with tenant_context(ours.tenant):
        result = tasks.note_tenant.enqueue()
        run_enqueued_tasks()
        result.refresh()
        assert result.is_finished
        assert result.attempts == 1
    with tenant_context(theirs.tenant), pytest.raises(TaskResultDoesNotExist):
        tasks.note_tenant.get_result(result.id)
    with pytest.raises(TaskResultDoesNotExist):
        tasks.note_tenant.get_result(result.id)


def test_ct10_nightly_job_runs_once_per_active_tenant(sides: tuple[Side, Side]) -> None:
    ours, theirs = sides
    theirs.tenant.status = "suspended"
    theirs.tenant.save()
    assert for_each_tenant(tasks.note_tenant, reason="a report") == 1
    assert for_each_tenant(tasks.note_tenant, reason="a report") == 0  # the task is waiting already
    run_enqueued_tasks()
    assert tasks.seen == [ours.tenant.pk]
    assert for_each_tenant(tasks.note_tenant, reason="a report") == 1
    with pytest.raises(ValueError, match="make it a @platform_task"):
        periodic("* * * * *")(tasks.note_tenant)


class _Undo(Exception):
    pass


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("inner", [False, True])
def test_ct10_task_of_a_rolled_back_transaction_never_runs(
    sides: tuple[Side, Side], inner: bool
) -> None:
    """The same applies to savepoints."""

    def enqueue() -> None:
        with transaction.atomic():
            Label.objects.create(word="never")
            tasks.note_tenant.enqueue()
            tasks.note_nobody.enqueue()
            raise _Undo

    with tenant_context(sides[0].tenant), suppress(_Undo), transaction.atomic():
        with suppress(_Undo) if inner else nullcontext():
            enqueue()
        tasks.build_shelf.enqueue("kept")
    _make_due()
    ran = [run.task for run in run_enqueued_tasks()]
    assert tasks.seen == []
    assert ran == ([tasks.build_shelf.module_path] if inner else [])


@pytest.mark.django_db(transaction=True)
def test_ct10_task_runs_after_its_transaction_commits(
    sides: tuple[Side, Side],
) -> None:
    due = "SELECT count(*) FROM procrastinate_jobs WHERE coalesce(scheduled_at, now()) <= now()"
    with tenant_context(sides[0].tenant), transaction.atomic():
        tasks.note_tenant.enqueue()
    assert _queue(due) == [(1,)]
    run_enqueued_tasks()
    assert tasks.seen == [sides[0].tenant.pk]


def test_ct10_failing_task_is_retried_and_then_dead(sides: tuple[Side, Side]) -> None:
    waits = "SELECT extract(epoch FROM scheduled_at - now())::int FROM procrastinate_jobs"
    seconds = []
    with tenant_context(sides[0].tenant):
        tasks.break_down.enqueue("x")
        for _ in range(5):
            run_enqueued_tasks()
            seconds += [row for (row,) in _queue(waits)]
            Label.objects.all().delete()
            _make_due()
    assert seconds == [4, 16, 64, 256, None]
    run = TaskRun.platform.get()
    assert (run.state, run.error) == (State.DEAD, "builtins.ZeroDivisionError")
    assert run_enqueued_tasks() == []


def test_ct10_task_that_kills_its_worker_is_limited(
    sides: tuple[Side, Side],
) -> None:
    """The attempt is counted before it begins, so a killed worker does not retry forever."""
    with tenant_context(sides[0].tenant):
        tasks.note_tenant.enqueue()
    TaskRun.platform.update(attempts=5, state=State.RUNNING)
    run_enqueued_tasks()
    assert tasks.seen == []
    assert _states() == [(State.DEAD, "WorkerLost")]


@pytest.mark.parametrize("path", ["tests.sample.tasks.gone", "gone.gone", "os.getcwd"])
def test_ct10_removed_task_does_not_run(path: str, sides: tuple[Side, Side]) -> None:
    """For a task that a deployment has removed, and for an ordinary function."""
    with tenant_context(sides[0].tenant):
        tasks.note_tenant.enqueue()
    TaskRun.platform.update(transaction="")
    run = TaskRun.platform.get()
    sealed = Envelope(task=path, tenant=sides[0].tenant.pk, id=run.pk).seal()
    with pytest.raises(Dead):
        run_job(sealed, run.job)
    assert _states() == [(State.DEAD, "UnknownTask")]


@pytest.mark.parametrize("argument", [object(), {1, 2}, float("nan"), b"\xff"])
def test_ct10_non_json_arguments_are_refused(argument: Any, sides: tuple[Side, Side]) -> None:
    with tenant_context(sides[0].tenant), pytest.raises((TypeError, ValueError)):
        tasks.build_shelf.enqueue(argument)
    assert _states() == []


@pytest.mark.parametrize("argument", ["\ud800", "\0", 1.0, 10**30, {"é": [None, "'%s"]}, ""])
def test_ct10_arguments_arrive_unchanged(argument: Any, sides: tuple[Side, Side]) -> None:
    with tenant_context(sides[0].tenant):
        tasks.build_shelf.enqueue(name=argument)
    (sealed,) = _queue("SELECT args ->> 'envelope' FROM procrastinate_jobs")[0]
    arrived = Envelope.open(sealed).kwargs["name"]
    assert json.dumps(arrived) == json.dumps(argument)


def test_ct10_task_knows_its_attempt(sides: tuple[Side, Side]) -> None:
    with tenant_context(sides[0].tenant):
        tasks.label_attempt.enqueue()
        run_enqueued_tasks()
        assert Label.objects.get().word == "attempt 1"


def test_ct10_busy_tenant_uses_another_queue(sides: tuple[Side, Side]) -> None:
    """Every worker serves the other queue, so tenants with few tasks do not wait."""
    for side, count in zip(sides, (3, 1), strict=True):
        with tenant_context(side.tenant):
            for _ in range(count):
                tasks.note_tenant.enqueue()
    lanes = _queue("SELECT queue_name, priority FROM procrastinate_jobs ORDER BY id")
    assert lanes == [("default", 0), ("rest", -1), ("rest", -2), ("default", 0)]


def test_ct10_tasks_of_a_deleted_tenant_are_dropped(
    new_tenant: Callable[..., Any],
) -> None:
    tenant = new_tenant("initech")
    with tenant_context(tenant):
        tasks.note_tenant.enqueue()
    tenant.domains.for_tenant(tenant).delete()
    _queue("DELETE FROM tenants_tenant WHERE id = %(id)s", id=tenant.pk)
    _make_due()
    assert run_enqueued_tasks() == []
    assert tasks.seen == []
    assert _queue("SELECT count(*) FROM procrastinate_jobs") == [(0,)]
