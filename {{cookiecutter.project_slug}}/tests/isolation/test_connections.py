"""A tenant leaves no state on a connection, in a thread or in an event loop."""

import asyncio
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from itertools import permutations
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import DatabaseError, close_old_connections, connection, connections, transaction

from apps.isolation import NoTenantError, current_tenant, require_tenant, tenant_context
from apps.isolation.testing import isolation_probe
from tests.isolation.conftest import Side, run
from tests.sample.models import Shelf

pytestmark = pytest.mark.django_db(transaction=True)

# State that a PostgreSQL session can keep between transactions.
KEPT = """
SELECT 'role', session_user::text, current_user::text
UNION ALL SELECT 'database', current_database(), current_schemas(false)::text
UNION ALL SELECT 'setting', name, setting FROM pg_settings
    WHERE source = 'session' AND setting IS DISTINCT FROM reset_val
UNION ALL SELECT 'cursor', name, statement FROM pg_cursors
UNION ALL SELECT 'lock', objid::text, mode FROM pg_locks
    WHERE pid = pg_backend_pid() AND locktype = 'advisory'
UNION ALL SELECT 'table', relname, '' FROM pg_class WHERE relnamespace = pg_my_temp_schema()
ORDER BY 1, 2, 3
"""


def _kept() -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(KEPT)
        kept = cursor.fetchall()
        cursor.execute("SELECT pg_backend_pid()")
        return [*kept, cursor.fetchone()]


def _names() -> list[str]:
    return [shelf.name for shelf in Shelf.objects.all()]


def _execute(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _fail() -> None:
    with pytest.raises(DatabaseError):
        _execute("SELECT 1 / 0")


def _fail_in_a_transaction() -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        _execute("SELECT 1 / 0")


def _take_too_long() -> None:
    with pytest.raises(DatabaseError, match="statement timeout"), transaction.atomic():
        _execute("SET LOCAL statement_timeout = 1", "SELECT pg_sleep(10)")


def _nest_transactions() -> None:
    with transaction.atomic(), transaction.atomic(), transaction.atomic():
        _names()


def _roll_back_to_a_savepoint() -> None:
    with transaction.atomic():
        with transaction.atomic():
            Shelf.objects.create(name="lost")
            transaction.set_rollback(True)
        assert not Shelf.objects.filter(name="lost").exists()


def _fail_in_a_savepoint() -> None:
    with transaction.atomic():
        with pytest.raises(DatabaseError), transaction.atomic():
            _execute("SELECT 1 / 0")
        _names()


def _raise() -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        _names()
        raise ZeroDivisionError


def _raise_after_commit() -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        transaction.on_commit(lambda: 1 // 0)


def _leave_a_cursor_open() -> None:
    connection.cursor().execute("SELECT 1")


def _leave_an_iterator_open() -> None:
    next(Shelf.objects.iterator(chunk_size=1))


def _leave_an_iterator_open_in_a_transaction() -> None:
    with transaction.atomic():
        next(Shelf.objects.iterator(chunk_size=1))


def _lock() -> None:
    with transaction.atomic():
        list(Shelf.objects.select_for_update())
        _execute("SELECT pg_advisory_xact_lock(1)")


def _send_many() -> None:
    with connection.cursor() as cursor:
        cursor.executemany("UPDATE sample_shelf SET name = name WHERE name = %s", [["a"]])


WORK = [
    _names,
    _fail,
    _fail_in_a_transaction,
    _take_too_long,
    _nest_transactions,
    _roll_back_to_a_savepoint,
    _fail_in_a_savepoint,
    _raise,
    _raise_after_commit,
    _leave_a_cursor_open,
    _leave_an_iterator_open,
    _leave_an_iterator_open_in_a_transaction,
    _lock,
    _send_many,
]


@pytest.mark.parametrize("work", WORK)
def test_ct06_connection_keeps_no_tenant(work: Callable[[], Any], sides: tuple[Side, Side]) -> None:
    """The connection stays open between requests (CONN_MAX_AGE), as in production."""
    ours, theirs = sides
    connection.close()  # one of CONN_MAX_AGE seconds would be replaced meanwhile
    nobodys = _kept()
    with tenant_context(theirs.tenant):
        before = _kept()
    with tenant_context(ours.tenant):
        work()
    close_old_connections()
    assert isolation_probe().tenant is None
    with tenant_context(theirs.tenant):
        assert _kept() == before
        assert isolation_probe().tenant == theirs.tenant.id
        assert _names() == [theirs.shelf.name]
    assert isolation_probe().tenant is None
    assert _kept() == nobodys


def test_ct06_tenant_is_left_within_a_transaction(sides: tuple[Side, Side]) -> None:
    ours, theirs = sides
    with transaction.atomic():
        for side in (ours, theirs, ours):
            with tenant_context(side.tenant), transaction.atomic():
                assert isolation_probe().tenant == side.tenant.id
            assert isolation_probe().tenant is None


def test_ct06_rollback_to_a_savepoint_restores_no_tenant(sides: tuple[Side, Side]) -> None:
    ours, theirs = sides
    with tenant_context(ours.tenant), transaction.atomic():
        with pytest.raises(DatabaseError), transaction.atomic():
            _execute("SELECT 1 / 0")
        with tenant_context(theirs.tenant):
            with pytest.raises(DatabaseError), transaction.atomic():
                _execute("SELECT 1 / 0")
            assert isolation_probe().tenant == theirs.tenant.id
        assert isolation_probe().tenant == ours.tenant.id
        assert _names() == [ours.shelf.name]


def _and_close[T](work: Callable[[], T]) -> T:
    """Run work in a thread that outlives the test, and close its connections."""
    try:
        return work()
    finally:
        connections.close_all()


@pytest.mark.two_connections
def test_ct11_threads_do_not_share_a_tenant(sides: tuple[Side, Side]) -> None:
    """Both threads are in their tenants at the same time, repeatedly."""
    barrier = threading.Barrier(len(sides))
    seen: dict[str, set[str]] = {side.tenant.slug: set() for side in sides}

    def work(side: Side) -> None:
        for _ in range(20):
            with tenant_context(side.tenant):
                barrier.wait(timeout=10)
                seen[side.tenant.slug] |= {*_names(), str(isolation_probe().tenant)}
                barrier.wait(timeout=10)

    threads = [threading.Thread(target=_and_close, args=[lambda s=s: work(s)]) for s in sides]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {side.tenant.slug: {side.shelf.name, str(side.tenant.id)} for side in sides}


def test_ct11_new_thread_has_no_tenant(acme: Any) -> None:
    seen: list[Any] = []
    connections.close_all()
    with tenant_context(acme):
        thread = threading.Thread(target=_and_close, args=[lambda: seen.append(isolation_probe())])
        thread.start()
        thread.join()
    assert [probe.tenant for probe in seen] == [None]


def test_ct11_executor_thread_keeps_no_tenant_between_jobs(
    sides: tuple[Side, Side],
) -> None:
    ours, theirs = sides
    connections.close_all()

    def in_ours(fail: bool) -> list[str]:
        with tenant_context(ours.tenant):
            names = _names()
            return [] if fail and 1 // 0 else names

    with ThreadPoolExecutor(max_workers=1) as executor:
        assert executor.submit(in_ours, fail=False).result() == [ours.shelf.name]
        with pytest.raises(ZeroDivisionError):
            executor.submit(in_ours, fail=True).result()
        with tenant_context(theirs.tenant):
            # Plain executors do not copy the context, so the job has no tenant.
            with pytest.raises(NoTenantError):
                executor.submit(_names).result()
            carried = executor.submit(copy_context().run, _names)
            assert carried.result() == [theirs.shelf.name]
        with pytest.raises(NoTenantError):
            executor.submit(_names).result()
        executor.submit(connections.close_all).result()


@pytest.mark.two_connections
def test_ct11_asyncio_tasks_keep_their_tenant(
    sides: tuple[Side, Side],
) -> None:
    async def names() -> list[str]:
        return [shelf.name async for shelf in Shelf.objects.all()]

    async def work(side: Side) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(3):
            async with tenant_context(side.tenant):
                await asyncio.sleep(0)
                for found in (
                    await names(),
                    await asyncio.create_task(names()),
                    await sync_to_async(_names)(),
                    await sync_to_async(_and_close, thread_sensitive=False)(_names),
                    await asyncio.to_thread(_and_close, _names),
                ):
                    assert found == [side.shelf.name]
                with pytest.raises(NoTenantError):
                    await loop.run_in_executor(None, _names)
                with pytest.raises(ZeroDivisionError):
                    async with tenant_context(side.tenant):
                        raise ZeroDivisionError
            assert current_tenant() is None

    async def main() -> None:
        await asyncio.gather(*(work(side) for side in sides * 2))

    run(main())


def test_ct11_asyncio_task_outlives_its_block(sides: tuple[Side, Side]) -> None:
    ours, theirs = sides

    async def later(go: asyncio.Event) -> list[str]:
        await go.wait()
        return [shelf.name async for shelf in Shelf.objects.all()]

    async def main() -> list[str]:
        go = asyncio.Event()
        async with tenant_context(ours.tenant):
            task = asyncio.create_task(later(go))
        async with tenant_context(theirs.tenant):
            go.set()
            return await task

    assert run(main()) == [ours.shelf.name]


def test_ct11_asyncio_task_that_outlives_its_block_returns_to_its_tenant(
    sides: tuple[Side, Side],
) -> None:
    ours, theirs = sides

    async def later(go: asyncio.Event) -> list[str]:
        await go.wait()
        async with tenant_context(theirs.tenant):
            pass
        return [shelf.name async for shelf in Shelf.objects.all()]

    async def main() -> list[str]:
        go = asyncio.Event()
        async with tenant_context(ours.tenant):
            task = asyncio.create_task(later(go))
        go.set()
        return await task

    assert run(main()) == [ours.shelf.name]


def _visit(tenant: Any) -> Generator[None]:
    with tenant_context(tenant):
        while True:
            yield


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_ct11_generators_may_end_in_any_order(
    order: tuple[int, ...], acme: Any, globex: Any
) -> None:
    def work() -> Any:
        generators = [_visit(tenant) for tenant in (acme, globex, acme)]
        for generator in generators:
            next(generator)
        for number in order:
            generators[number].close()
        return current_tenant()

    assert copy_context().run(work) is None


def test_ct11_generator_closed_in_another_tenant_changes_nothing(acme: Any, globex: Any) -> None:
    """The garbage collector may close a generator at any time."""
    generator = _visit(acme)
    copy_context().run(next, generator)
    with tenant_context(globex):
        generator.close()
        assert require_tenant().id == globex.id
    assert current_tenant() is None


def test_ct11_one_context_manager_in_two_threads(acme: Any) -> None:
    """Two threads or tasks may share a context manager."""
    context, places = tenant_context(acme), [copy_context(), copy_context()]
    for place in places:
        place.run(context.__enter__)
    for place in places:
        place.run(context.__exit__, None, None, None)
        assert place.run(current_tenant) is None
