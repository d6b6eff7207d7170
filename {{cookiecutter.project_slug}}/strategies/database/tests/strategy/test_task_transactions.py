"""A task is in the shared database, but its transaction is in the tenant's database.

The tests kill processes between the two commits. PostgreSQL reports the transaction's outcome.
"""

import signal
import threading
from typing import Any

import pytest
from django.db import connections, transaction

from apps.isolation import tenant_context
from apps.isolation.app_registry import SHARED_DB
from apps.isolation.strategy import transactions
from apps.isolation.strategy.connections import forget, owner_connection
from apps.isolation.strategy.naming import physical_name
from apps.isolation.strategy.protocol import Outcome
from apps.tasks.models import State, TaskRun
from apps.tasks.testing import run_enqueued_tasks
from tests.pooler import is_behind_pooler
from tests.sample import tasks
from tests.sample.models import Label
from tests.support import run

pytestmark = pytest.mark.django_db(transaction=True)

SCRIPT = """
import os, signal, sys, types, uuid
import django
django.setup()
from django.db import transaction
from apps.isolation import tenant_context
from tests.sample import tasks
from tests.sample.models import Label

tenant = types.SimpleNamespace(id=uuid.UUID(sys.argv[1]), is_usable=True)
die = lambda: os.kill(os.getpid(), signal.SIGKILL)
with tenant_context(tenant):
    with transaction.atomic():
        Label.objects.create(word="before")
        if sys.argv[2] == "after commit":
            transaction.on_commit(die)
        tasks.build_shelf.enqueue("after")
        die_now = sys.argv[2] == "before commit" and die()
"""


def _make_due() -> None:
    with connections[SHARED_DB].cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET scheduled_at = NULL")


@pytest.mark.parametrize(
    ("when", "ran"), [("before commit", []), ("after commit", ["tests.sample.tasks.build_shelf"])]
)
def test_task_of_a_killed_process_runs_if_committed(when: str, ran: list[str], acme: Any) -> None:
    assert run("-c", SCRIPT, str(acme.pk), when).returncode == -signal.SIGKILL
    assert TaskRun.platform.get().transaction
    with tenant_context(acme):
        assert Label.objects.exists() == bool(ran)
    _make_due()
    assert [each.task for each in run_enqueued_tasks()] == ran


def test_task_waits_for_its_tenants_database_without_a_counted_attempt(acme: Any) -> None:
    if is_behind_pooler():
        pytest.skip("a pooler keeps connections that were made before")
    name = physical_name(acme.pk)
    with tenant_context(acme):
        tasks.build_shelf.enqueue("later")
    forget(name)
    with owner_connection() as owner, owner.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        try:
            (waiting,) = run_enqueued_tasks()
        finally:
            cursor.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    assert (waiting.state, waiting.attempts) == (State.WAITING, 0)
    _make_due()
    (done,) = run_enqueued_tasks()
    assert (done.state, done.attempts) == (State.DONE, 1)


def test_task_waits_for_its_transaction(acme: Any) -> None:
    enqueued, seen = threading.Event(), threading.Event()

    def enqueue() -> None:
        with tenant_context(acme), transaction.atomic():
            Label.objects.create(word="before")
            tasks.build_shelf.enqueue("after")
            enqueued.set()
            seen.wait(timeout=30)
        connections.close_all()

    thread = threading.Thread(target=enqueue)
    thread.start()
    assert enqueued.wait(timeout=30)
    try:
        run_ = TaskRun.platform.get()
        assert transactions.outcome(acme.pk, run_.transaction) == Outcome.IN_PROGRESS
    finally:
        seen.set()
        thread.join()
    assert transactions.outcome(acme.pk, run_.transaction) == Outcome.COMMITTED
    assert [each.task for each in run_enqueued_tasks()] == [tasks.build_shelf.module_path]


def test_task_with_an_unknown_transaction_is_dead(
    acme: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL forgets transactions after about two billion others, so the test fakes one."""
    with tenant_context(acme):
        tasks.build_shelf.enqueue("never")
    TaskRun.platform.update(transaction="3")
    monkeypatch.setattr("apps.tasks.testing._confirm", lambda: None)
    monkeypatch.setattr("apps.tasks.runner.outcome", lambda *_: Outcome.FORGOTTEN)
    run_enqueued_tasks()
    run_ = TaskRun.platform.get()
    assert (run_.state, run_.error) == (State.DEAD, "ForgottenTransaction")
