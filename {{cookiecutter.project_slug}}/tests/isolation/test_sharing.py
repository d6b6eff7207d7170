"""Concurrent threads and processes that share few connections see their own rows.

The tests are most useful behind a pooler, which may use another connection for each transaction.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, connections, transaction

from apps.isolation import ActiveTenant, require_tenant, tenant_context
from apps.isolation.context import activate_tenant
from apps.isolation.testing import isolation_probe
from tests.sample.models import Shelf
from tests.support import at_once, run

NAMES = "SELECT name FROM sample_shelf"
CROWD = """
import sys
import django
django.setup()
from tests.isolation.test_sharing import fork_workers
fork_workers(sys.argv[1:])
"""


def _query() -> set[str]:
    return {shelf.name for shelf in Shelf.objects.all()}


def _iterate() -> set[str]:
    return {shelf.name for shelf in Shelf.objects.iterator(chunk_size=1)}


def _iterate_in_a_transaction() -> set[str]:
    with transaction.atomic():
        return _iterate()


def _stream() -> set[str]:
    with connection.cursor() as cursor:
        return {name for (name,) in cursor.stream(NAMES)}


def _copy() -> set[str]:
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY ({NAMES}) TO STDOUT") as copy,
    ):
        return {name for (name,) in copy.rows()}


def _write_many() -> set[str]:
    signature = str(require_tenant().id)
    with connection.cursor() as cursor:
        cursor.executemany("UPDATE sample_shelf SET description = %s", [["x"], [signature]])
    return _query()


def _fail() -> set[str]:
    with suppress(DatabaseError), connection.cursor() as cursor:
        cursor.execute("SELECT 1 / 0")
    return _query()


def _fail_in_a_transaction() -> set[str]:
    with suppress(DatabaseError), transaction.atomic():
        list(Shelf.objects.extra(where=["1 / 0 = 1"]))
    return _query()


def _leave() -> set[str]:
    with activate_tenant(None):
        probe = isolation_probe()
    return set() if probe.tenant is None else {f"nobody saw {probe.tenant}"}


WORK = [
    _query,
    _iterate,
    _iterate_in_a_transaction,
    _stream,
    _copy,
    _write_many,
    _fail,
    _fail_in_a_transaction,
    _leave,
]
TURNS = 2


def seen_by(tenant: ActiveTenant, first: int) -> set[str]:
    """Run all work for a tenant, beginning with number ``first``; return the names that it read."""
    work = WORK[first % len(WORK) :] + WORK[: first % len(WORK)]
    with activate_tenant(tenant):
        return {name for _ in range(TURNS) for step in work for name in step()}


def fork_workers(tenants: list[str]) -> None:
    """Run the work for each tenant in a forked process; exit 1 on a leak.

    After a fork, the processes use the same names for their named cursors.
    """
    workers = [_fork(ActiveTenant(UUID(tenant)), number) for number, tenant in enumerate(tenants)]
    sys.exit(any(os.waitpid(worker, 0)[1] for worker in workers))


def _fork(tenant: ActiveTenant, first: int) -> int:
    if worker := os.fork():
        return worker
    try:
        seen = seen_by(tenant, first)
        os._exit(seen != _names_of(tenant))
    finally:
        os._exit(2)


def _names_of(tenant: Any) -> set[str]:
    return {f"{tenant.id} {number}" for number in range(3)}


@pytest.fixture
def tenants(transactional_db: None, new_tenant: Callable[..., Any]) -> Iterator[list[Any]]:
    tenants = [new_tenant(slug) for slug in ("acme", "globex", "initech")]
    for tenant in tenants:
        with tenant_context(tenant):
            Shelf.objects.bulk_create(Shelf(name=name) for name in _names_of(tenant))
    yield tenants
    for tenant in tenants:
        with tenant_context(tenant):
            descriptions = Shelf.objects.values_list("description", flat=True)
            assert set(descriptions) == {str(tenant.id)}


def test_threads_that_share_connections(tenants: list[Any]) -> None:
    numbers = iter(range(6))

    def work() -> tuple[set[str], set[str]]:
        number = next(numbers)
        tenant = tenants[number % len(tenants)]
        return seen_by(ActiveTenant(tenant.id), number), _names_of(tenant)

    for seen, own in at_once(6, work):
        assert seen == own


def test_processes_that_share_connections(tenants: list[Any]) -> None:
    ids = [str(tenant.id) for tenant in tenants] * 2
    connections.close_all()
    done = run("-c", CROWD, *ids)
    assert done.returncode == 0, done.stderr
