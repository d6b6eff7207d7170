"""Cursors, COPY and streams belong to the tenant that opened them (CT20)."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, close_old_connections, connection, transaction

from apps.isolation import NoTenantError, WrongTenantError, tenant_context
from tests.isolation.conftest import Side
from tests.sample.models import Shelf

pytestmark = pytest.mark.django_db(transaction=True)

NAMES = "SELECT name FROM sample_shelf ORDER BY name"

type Reader = Callable[[], Iterator[str]]
"""Opens a cursor, COPY or stream in the active tenant; returns an iterator over the names."""


@pytest.fixture
def shelves(sides: tuple[Side, Side]) -> tuple[Side, Side]:
    """Create three shelves in each tenant: one to read before the switch, and two after it."""
    for side in sides:
        with tenant_context(side.tenant):
            slug = side.tenant.slug
            Shelf.objects.bulk_create([Shelf(name=f"{slug} {number}") for number in (1, 2)])
    return sides


def _each(cursor: Any, fetch: Callable[[], Any]) -> Iterator[str]:
    with cursor:
        while row := fetch():
            yield row[0] if isinstance(row, tuple) else row[0][0]


def _cursor() -> Iterator[str]:
    cursor = connection.cursor()
    cursor.execute(NAMES)
    return _each(cursor, cursor.fetchone)


def _cursor_by_many() -> Iterator[str]:
    cursor = connection.cursor()
    cursor.execute(NAMES)
    return _each(cursor, lambda: cursor.fetchmany(1))


def _cursor_as_iterator() -> Iterator[str]:
    cursor = connection.cursor()
    cursor.execute(NAMES)
    return (name for (name,) in cursor)


def _named_cursor() -> Iterator[str]:
    cursor = connection.chunked_cursor()
    cursor.execute(NAMES)
    return _each(cursor, cursor.fetchone)


def _named_cursor_by_many() -> Iterator[str]:
    cursor = connection.chunked_cursor()
    cursor.execute(NAMES)
    return _each(cursor, lambda: cursor.fetchmany(1))


def _named_cursor_of_the_session() -> Iterator[str]:
    cursor = _session().cursor(name="raw")
    cursor.execute(NAMES)
    return _each(cursor, cursor.fetchone)


def _cursor_of_the_session() -> Iterator[str]:
    cursor = _session().cursor()
    cursor.execute(NAMES)
    return _each(cursor, cursor.fetchone)


def _iterator() -> Iterator[str]:
    return (shelf.name for shelf in Shelf.objects.order_by("name").iterator(chunk_size=1))


def _iterator_of_values() -> Iterator[str]:
    names = Shelf.objects.order_by("name").values_list("name", flat=True)
    return names.iterator(chunk_size=1)


READERS = [
    _cursor,
    _cursor_by_many,
    _cursor_as_iterator,
    _cursor_of_the_session,
    _named_cursor,
    _named_cursor_by_many,
    _named_cursor_of_the_session,
    _iterator,
    _iterator_of_values,
]


def _session() -> Any:
    connection.ensure_connection()
    return connection.connection


def _visit(side: Side) -> None:
    """Run a statement in a tenant, which changes the session's context."""
    with tenant_context(side.tenant), connection.cursor() as cursor:
        cursor.execute(NAMES)
        assert side.shelf.name in [name for (name,) in cursor.fetchall()]


@pytest.mark.parametrize("read", [0, 1])
@pytest.mark.parametrize("opened", READERS)
def test_ct20_cursor_continues_after_work_in_another_tenant(
    opened: Reader, read: int, shelves: tuple[Side, Side]
) -> None:
    """Also before the first row, when PostgreSQL has not evaluated the policy yet."""
    ours, theirs = shelves
    with tenant_context(ours.tenant), transaction.atomic():
        names = opened()
        seen = [next(names) for _ in range(read)]
        _visit(theirs)
        seen += list(names)
    assert sorted(seen) == ["CANARY acme", "acme 1", "acme 2"]


@pytest.mark.parametrize("opened", READERS)
def test_ct20_cursor_is_unusable_in_another_tenant(
    opened: Reader, shelves: tuple[Side, Side]
) -> None:
    ours, theirs = shelves
    with tenant_context(ours.tenant), transaction.atomic():
        names = opened()
        next(names)
        with tenant_context(theirs.tenant), pytest.raises(WrongTenantError):
            next(names)


# Psycopg's named cursors need a transaction.
@pytest.mark.parametrize("opened", [r for r in READERS if r is not _named_cursor_of_the_session])
def test_ct20_cursor_is_unusable_without_its_tenant(
    opened: Reader, shelves: tuple[Side, Side]
) -> None:
    ours, _ = shelves
    with tenant_context(ours.tenant):
        names = opened()
        next(names)
    with pytest.raises((NoTenantError, DatabaseError)):
        next(names)


def test_ct20_copy_continues_in_its_tenant_only(shelves: tuple[Side, Side]) -> None:
    ours, theirs = shelves
    copy_names = f"COPY ({NAMES}) TO STDOUT"
    with (
        tenant_context(ours.tenant),
        connection.cursor() as cursor,
        cursor.copy(copy_names) as copy,
    ):
        copy.set_types(["text"])
        assert copy.read_row() == ("CANARY acme",)
        with tenant_context(theirs.tenant), pytest.raises(WrongTenantError):
            copy.read_row()
        assert [name for (name,) in copy.rows()] == ["acme 1", "acme 2"]


@pytest.mark.parametrize("size", [1, 50_000])
def test_ct20_copy_writes_in_its_tenant_only(size: int, shelves: tuple[Side, Side]) -> None:
    ours, theirs = shelves
    # The second text is longer than psycopg's buffer.
    row = "0" * size
    with (
        # PostgreSQL does not support COPY FROM on a table with policies.
        pytest.raises((WrongTenantError, psycopg.errors.FeatureNotSupported)),
        tenant_context(ours.tenant),
        connection.cursor() as cursor,
        cursor.copy("COPY sample_shelf (description) FROM STDIN") as copy,
        tenant_context(theirs.tenant),
    ):
        copy.write_row([row])
    connection.close()
    for side in shelves:
        with tenant_context(side.tenant):
            assert not Shelf.objects.filter(description=row).exists()


def test_ct20_stream_continues_in_its_tenant_only(shelves: tuple[Side, Side]) -> None:
    ours, theirs = shelves
    with tenant_context(ours.tenant), connection.cursor() as cursor:
        rows = cursor.stream(NAMES)
        assert next(rows) == ("CANARY acme",)
        with tenant_context(theirs.tenant), pytest.raises(WrongTenantError):
            next(rows)
    connection.close()


def test_ct20_psycopg_cursors_read_the_active_tenants_rows(
    shelves: tuple[Side, Side],
) -> None:
    """They bypass Django, but read no rows of another tenant."""
    ours, theirs = shelves
    with tenant_context(ours.tenant), transaction.atomic():
        _visit(ours)
        session = _session()
        _visit(theirs)
        for kind in (psycopg.Cursor, psycopg.ClientCursor, psycopg.RawCursor):
            assert kind(session).execute(NAMES).fetchone() == ("CANARY acme",)
        with psycopg.ServerCursor(session, "direct").execute(NAMES) as declared:
            _visit(theirs)
            assert declared.fetchone() == ("CANARY acme",)
        with tenant_context(theirs.tenant):
            names = []
            with suppress(WrongTenantError):
                names = psycopg.Cursor(session).execute(NAMES).fetchall()
        assert ("CANARY acme",) not in names


def test_ct20_nested_tenant_ends_within_a_transaction(
    shelves: tuple[Side, Side],
) -> None:
    ours, theirs = shelves
    with tenant_context(ours.tenant), transaction.atomic():
        with pytest.raises(ZeroDivisionError), tenant_context(theirs.tenant):
            _visit(theirs)
            raise ZeroDivisionError
        names = Shelf.objects.order_by("name").values_list("name", flat=True)
        assert list(names) == ["CANARY acme", "acme 1", "acme 2"]
        Shelf.objects.create(name="new")
    with tenant_context(theirs.tenant):
        assert not Shelf.objects.filter(name="new").exists()


@pytest.mark.parametrize("declare", ["DECLARE c CURSOR FOR", "\n  declare c cursor with hold for"])
def test_ct20_declared_cursor_is_refused_or_bound(declare: str, shelves: tuple[Side, Side]) -> None:
    ours, theirs = shelves
    with (
        suppress(DatabaseError, WrongTenantError),
        tenant_context(ours.tenant),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"{declare} {NAMES}")
        with tenant_context(theirs.tenant), connection.cursor() as other:
            other.execute("FETCH ALL FROM c")
            pytest.fail(f"{other.fetchall()} were read in another tenant")
    connection.close()


def test_ct20_failed_request_leaves_no_tenant(shelves: tuple[Side, Side]) -> None:
    """Django checks after a failed request whether the connection is usable."""
    ours, _ = shelves
    with tenant_context(ours.tenant):
        with pytest.raises(DatabaseError), connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")
        connection.ensure_connection()
    close_old_connections()
    with tenant_context(ours.tenant):
        assert Shelf.objects.count() == 3
