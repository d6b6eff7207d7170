"""What a tenant's work leaves behind on the connection: nothing, however the work ended."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections, transaction

from apps.isolation import tenant_context
from apps.isolation.testing import wall_probe
from apps.projects.models import Project
from tests.isolation.conftest import Side

pytestmark = pytest.mark.django_db(transaction=True)


def _read() -> None:
    list(Project.objects.all())


def _fail() -> None:
    with pytest.raises(DatabaseError), connection.cursor() as cursor:
        cursor.execute("SELECT 1 / 0")


def _fail_in_a_transaction() -> None:
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT 1 / 0")


def _roll_back_to_a_savepoint() -> None:
    with transaction.atomic():
        with transaction.atomic():
            Project.objects.create(name="lost")
            transaction.set_rollback(True)
        assert not Project.objects.filter(name="lost").exists()


def _leave_an_iterator_open() -> None:
    next(Project.objects.iterator(chunk_size=1))


WORK = [_read, _fail, _fail_in_a_transaction, _roll_back_to_a_savepoint, _leave_an_iterator_open]


@pytest.mark.parametrize("work", WORK)
def test_nothing_is_left_behind(work: Callable[[], None], sides: tuple[Side, Side]) -> None:
    ours, theirs = sides
    with tenant_context(ours.tenant):
        work()
    assert wall_probe().tenant is None
    with tenant_context(theirs.tenant):
        assert wall_probe().tenant == theirs.tenant.id
        assert [project.name for project in Project.objects.all()] == [theirs.project.name]
    assert wall_probe().tenant is None


def test_leaving_a_tenant_within_a_transaction_leaves_it(sides: tuple[Side, Side]) -> None:
    ours, theirs = sides
    with transaction.atomic():
        for side in (ours, theirs, ours):
            with tenant_context(side.tenant), transaction.atomic():
                assert wall_probe().tenant == side.tenant.id
            assert wall_probe().tenant is None


def test_threads_do_not_see_each_others_tenant(sides: tuple[Side, Side]) -> None:
    """Both are inside their tenant at the same time, again and again."""
    barrier = threading.Barrier(len(sides))
    seen: dict[str, set[str]] = {side.tenant.slug: set() for side in sides}

    def work(side: Side) -> None:
        try:
            for _ in range(20):
                with tenant_context(side.tenant):
                    barrier.wait(timeout=10)
                    names = {project.name for project in Project.objects.all()}
                    seen[side.tenant.slug] |= names | {str(wall_probe().tenant)}
                    barrier.wait(timeout=10)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=[side]) for side in sides]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {side.tenant.slug: {side.project.name, str(side.tenant.id)} for side in sides}


def test_a_new_thread_starts_in_no_tenant(acme: Any) -> None:
    seen: list[Any] = []

    def work() -> None:
        seen.append(wall_probe().tenant)
        connections.close_all()

    with tenant_context(acme):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert seen == [None]
