"""Round trips of a request to PostgreSQL, counted in libpq's trace."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import connections, transaction
from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor

from apps.isolation import tenant_context
from apps.isolation.fields import new_id
from apps.isolation.testing import STATEMENTS_CARRY_THE_TENANT, isolation_probe
from tests.isolation.conftest import Side
from tests.sample.models import Book, Label
from tests.sample.tasks import note_tenant

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def round_trips(tmp_path: Path) -> Callable[[], Any]:
    """Return a context manager with a list of the messages that were sent separately."""

    @contextmanager
    def record() -> Iterator[list[str]]:
        sent: list[str] = []
        opened: list[tuple[Any, Any]] = []
        # A set, since several aliases may share a connection.
        for pgconn in {c.connection.pgconn for c in connections.all() if c.connection is not None}:
            trace = (tmp_path / f"trace-{len(opened)}").open("w+")
            pgconn.trace(trace.fileno())
            opened.append((pgconn, trace))
        yield sent
        for pgconn, trace in opened:
            pgconn.untrace()
            trace.seek(0)
            sent += [line for line in trace if "\tF\t" in line]
            trace.close()

    return record


@pytest.mark.parametrize("rows", [1, 20])
def test_tenant_query_performance(
    rows: int, sides: tuple[Side, Side], round_trips: Callable[[], Any]
) -> None:
    """A list takes two round trips for any number of rows.

    One reads user, membership and tenant together, the other one the books. The host is cached.
    """
    ours = sides[0]
    with tenant_context(ours.tenant):
        for number in range(1, rows):
            Book.objects.create(shelf=ours.shelf, title=str(number))
    assert ours.client.get("/api/v1/sample/books/").status_code == 200
    with round_trips() as sent:
        response = ours.client.get("/api/v1/sample/books/")
    assert len(response.json()["results"]) == rows
    assert len(sent) == 2, sent


def test_creation_takes_three_round_trips(
    sides: tuple[Side, Side], round_trips: Callable[[], Any]
) -> None:
    """One for the membership, one for the related shelf, and one for the new row."""
    client, shelf = sides[0].client, sides[0].shelf
    body = {"title": "new", "shelf": str(shelf.pk)}
    assert client.post("/api/v1/sample/books/", body).status_code == 201
    with round_trips() as sent:
        response = client.post("/api/v1/sample/books/", body)
    assert response.status_code == 201
    assert len(sent) == 3, sent


@pytest.fixture
def traced() -> Iterator[None]:
    """Trace statements of new connections by OpenTelemetry."""
    connections.close_all()
    PsycopgInstrumentor().instrument()
    yield
    PsycopgInstrumentor().uninstrument()
    connections.close_all()


def test_tracing_adds_no_round_trips(
    traced: None, sides: tuple[Side, Side], round_trips: Callable[[], Any]
) -> None:
    """OpenTelemetry wraps the cursor class that sends the tenant."""
    for side in sides:
        with tenant_context(side.tenant):
            assert isolation_probe().tenant == side.tenant.pk
            assert [book.pk for book in Book.objects.iterator()] == [side.book.pk]
    test_tenant_query_performance(1, sides, round_trips)
    test_creation_takes_three_round_trips(sides, round_trips)


def test_round_trips_of_enqueue(sides: tuple[Side, Side], round_trips: Callable[[], Any]) -> None:
    """In a transaction it is one, or three if the queue is in another database; else always one."""

    def count(*enqueue: Callable[[], object]) -> int:
        with round_trips() as sent, transaction.atomic():
            Label.objects.create(word=new_id().hex)
            for each in enqueue:
                each()
        return len(sent)

    with tenant_context(sides[0].tenant):
        note_tenant.enqueue()
        with round_trips() as sent:
            note_tenant.enqueue()
        assert len(sent) == 1, sent
        count(note_tenant.enqueue)
        added = count(note_tenant.enqueue) - count()
    assert added == (1 if STATEMENTS_CARRY_THE_TENANT else 3)
