"""Django's ORM, transactions and cursors inside a tenant."""

import asyncio
import threading
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, connection, connections, transaction

from apps.isolation import (
    NoTenantError,
    SharedJoinError,
    TenantUnavailableError,
    current_tenant,
    require_tenant,
    tenant_context,
)
from tests.isolation.conftest import Side, run
from tests.sample.models import Book, Shelf


def _names() -> list[str]:
    return list(Shelf.objects.order_by("name").values_list("name", flat=True))


def test_tenant_context_nests_and_restores(acme: Any, globex: Any) -> None:
    assert current_tenant() is None
    with tenant_context(acme):
        with pytest.raises(ZeroDivisionError), tenant_context(globex):
            assert require_tenant().id == globex.id
            raise ZeroDivisionError
        assert require_tenant().id == acme.id
    with pytest.raises(NoTenantError):
        require_tenant()


@pytest.mark.parametrize("status", ["preparing", "suspended", "archived"])
def test_unusable_tenant_cannot_be_entered(status: str, acme: Any) -> None:
    acme.status = status
    with pytest.raises(TenantUnavailableError), tenant_context(acme):
        pytest.fail("entered")


@pytest.mark.django_db(transaction=True)
def test_rollback(acme: Any, globex: Any) -> None:
    with tenant_context(acme):
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            Shelf.objects.create(name="one")
            Shelf.objects.create(name="two")
            raise ZeroDivisionError
        assert _names() == []


@pytest.mark.django_db(transaction=True)
def test_savepoints(acme: Any, globex: Any) -> None:
    with tenant_context(acme), transaction.atomic():
        Shelf.objects.create(name="kept")
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            Shelf.objects.create(name="lost")
            raise ZeroDivisionError
        with tenant_context(globex):
            assert _names() == []
        assert _names() == ["kept"]
    with tenant_context(acme):
        assert _names() == ["kept"]


@pytest.mark.django_db(transaction=True)
def test_savepoint_survives_a_failed_statement(acme: Any, globex: Any) -> None:
    with tenant_context(acme), transaction.atomic():
        Shelf.objects.create(name="one")
        with pytest.raises(IntegrityError), transaction.atomic():
            Shelf.objects.create(name="one")
        assert _names() == ["one"]
        Shelf.objects.create(name="two")
    with tenant_context(acme):
        assert _names() == ["one", "two"]
    with tenant_context(globex):
        assert _names() == []


@pytest.mark.django_db(transaction=True)
def test_on_commit_runs_after_commit_in_the_tenant(acme: Any) -> None:
    seen: list[Any] = []
    with tenant_context(acme):
        with transaction.atomic():
            Shelf.objects.create(name="one")
            transaction.on_commit(lambda: seen.append((require_tenant().id, _names())))
            assert seen == []
        assert seen == [(acme.id, ["one"])]
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            transaction.on_commit(lambda: seen.append("rolled back"))
            raise ZeroDivisionError
        with pytest.raises(IndexError), transaction.atomic():
            transaction.on_commit(lambda: seen[1])
    assert len(seen) == 1


@pytest.mark.two_connections
@pytest.mark.django_db(transaction=True)
def test_select_for_update_locks_the_row(acme: Any) -> None:
    with tenant_context(acme):
        shelf = Shelf.objects.create(name="one")
        free: list[bool] = []

        def try_to_lock() -> None:
            with tenant_context(acme), transaction.atomic():
                rows = Shelf.objects.select_for_update(skip_locked=True)
                free.append(rows.filter(pk=shelf.pk).exists())
            connections.close_all()

        with transaction.atomic():
            assert Shelf.objects.select_for_update().get(pk=shelf.pk) == shelf
            _in_a_thread(try_to_lock)
        _in_a_thread(try_to_lock)
        assert free == [False, True]
    with pytest.raises(NoTenantError), transaction.atomic():
        list(Shelf.objects.select_for_update())


def _in_a_thread(work: Any) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("in_transaction", [False, True])
def test_iterator(acme: Any, globex: Any, in_transaction: bool) -> None:
    for tenant in (acme, globex):
        with tenant_context(tenant):
            Shelf.objects.bulk_create(Shelf(name=f"{tenant.slug} {number}") for number in range(5))
    with tenant_context(acme):
        if in_transaction:
            with transaction.atomic():
                names = [shelf.name for shelf in Shelf.objects.iterator(chunk_size=2)]
        else:
            names = [shelf.name for shelf in Shelf.objects.iterator(chunk_size=2)]
    assert sorted(names) == [f"acme {number}" for number in range(5)]
    with pytest.raises(NoTenantError):
        next(iter(Shelf.objects.iterator()))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("in_transaction", [False, True])
def test_executemany(acme: Any, globex: Any, in_transaction: bool) -> None:
    for tenant in (acme, globex):
        with tenant_context(tenant):
            Shelf.objects.bulk_create([Shelf(name="one"), Shelf(name="two")])
    sql, rows = (
        "UPDATE sample_shelf SET name = %s WHERE name = %s",
        [("1", "one"), ("2", "two")],
    )
    with tenant_context(acme):
        if in_transaction:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.executemany(sql, rows)
        else:
            with connection.cursor() as cursor:
                cursor.executemany(sql, rows)
        assert _names() == ["1", "2"]
    with tenant_context(globex):
        assert _names() == ["one", "two"]


@pytest.mark.django_db(transaction=True)
def test_copy(acme: Any, globex: Any) -> None:
    with tenant_context(acme):
        Shelf.objects.create(name="one")
        with (
            connection.cursor() as cursor,
            cursor.copy("COPY (SELECT name FROM sample_shelf) TO STDOUT") as copy,
        ):
            assert [bytes(row) for row in copy] == [b"one\n"]
    with (
        tenant_context(globex),
        connection.cursor() as cursor,
        cursor.copy("COPY (SELECT name FROM sample_shelf) TO STDOUT") as copy,
    ):
        assert list(copy) == []


@pytest.mark.django_db(transaction=True)
def test_statement_after_a_failed_one(acme: Any, globex: Any) -> None:
    with tenant_context(acme):
        Shelf.objects.create(name="one")
        with pytest.raises(IntegrityError):
            Shelf.objects.create(name="one")
        assert _names() == ["one"]
    with tenant_context(globex):
        assert _names() == []


@pytest.mark.two_connections
@pytest.mark.django_db(transaction=True)
def test_async_code(acme: Any, globex: Any) -> None:
    async def work(tenant: Any) -> list[str]:
        async with tenant_context(tenant):
            await Shelf.objects.acreate(name=f"{tenant.slug} async")
            await asyncio.sleep(0)
            return [shelf.name async for shelf in Shelf.objects.all()]

    async def both() -> tuple[list[str], list[str]]:
        ours, theirs = await asyncio.gather(work(acme), work(globex))
        return ours, theirs

    assert run(both()) == (["acme async"], ["globex async"])
    with pytest.raises(NoTenantError):
        run(Shelf.objects.acount())


def test_relations_stay_in_the_tenant(sides: tuple[Side, Side]) -> None:
    ours, _ = sides
    with tenant_context(ours.tenant):
        book = Book.objects.select_related("shelf").get()
        assert book.shelf == ours.shelf
        assert list(ours.shelf.books.all()) == [book]
        assert Shelf.objects.prefetch_related("books").get().books.count() == 1
        assert Book.objects.filter(shelf__name=ours.shelf.name).exists()


def test_shared_data_cannot_be_joined(sides: tuple[Side, Side]) -> None:
    ours, _ = sides
    user = get_user_model()._default_manager.get(email="member@acme.test")
    with tenant_context(ours.tenant):
        Book.objects.update(reader=user)
        assert Book.objects.filter(reader=user).get().reader == user
        assert Book.objects.prefetch_related("reader").get().reader == user
        assert not Book.objects.filter(reader__isnull=True).exists()
        for queryset in (
            Book.objects.filter(reader__email="x"),
            Book.objects.select_related("reader"),
            Book.objects.order_by("reader__email"),
            Book.objects.values("reader__email"),
        ):
            with pytest.raises(SharedJoinError, match=r"Book\.reader refers to shared data"):
                list(queryset)
