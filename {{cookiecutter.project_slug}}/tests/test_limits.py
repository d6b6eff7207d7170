"""PostgreSQL limits statements, and responses report a cancelled statement."""

import logging
import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections, transaction
from django.test import Client

from apps.api.database_limits import as_api_error
from apps.authentication import middleware
from apps.isolation import tenant_context
from apps.isolation.app_registry import SHARED_DB
from apps.isolation.integrations.limits import allow_long_statements
from apps.isolation.postgresql.limits import missing_limits, set_limits, weaker_limits
from apps.isolation.preflight import run_preflight_checks
from apps.isolation.testing import owner_cursor
from apps.pages import session_views as pages
from tests.sample.models import Shelf
from tests.sample.views import ShelfViewSet

pytestmark = pytest.mark.django_db(transaction=True)

SHELVES = "/api/v1/sample/shelves/"
SORTED = "SELECT count(*) FROM (SELECT n FROM generate_series(1, 200000) n ORDER BY -n) AS sorted"


def _setting(alias: str, name: str) -> int:
    """Return a limit of a connection as a number in PostgreSQL's unit."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT setting::bigint FROM pg_settings WHERE name = %s", [name])
        (value,) = cursor.fetchone() or (None,)
    return int(str(value))


@contextmanager
def _database_with(tenant: Any, name: str, value: int) -> Iterator[None]:
    """Change a limit of the tenant's database for new connections within the block."""
    with owner_cursor(tenant) as cursor:
        cursor.execute("SELECT current_database()")
        (database,) = cursor.fetchone() or ("",)
        cursor.execute(f'ALTER DATABASE "{database}" SET {name} = {value:d}')
        connections.close_all()
    try:
        yield
    finally:
        with owner_cursor(tenant) as cursor:
            set_limits(cursor, database)
        connections.close_all()


def _takes_too_long(tenant: Any) -> None:
    with transaction.atomic(), connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 50")
        cursor.execute("SELECT pg_sleep(60)")


def _waits_for_a_lock(tenant: Any) -> None:
    table = Shelf._meta.db_table
    with owner_cursor(tenant) as other, transaction.atomic():
        other.execute(f"BEGIN; LOCK TABLE {table}")
        try:
            with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = 50")
                cursor.execute(f"SELECT FROM {table}")
        finally:
            other.execute("ROLLBACK")


def _leaves_its_transaction_open(tenant: Any) -> None:
    with transaction.atomic(), connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 50")
        select.select([connections[DEFAULT_DB_ALIAS].connection], [], [], 30)
        cursor.execute("SELECT 1")


def _sorts_on_the_disk(tenant: Any) -> None:
    with transaction.atomic(), connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '64kB'")
        cursor.execute(SORTED)


COSTLY: dict[str, tuple[Callable[[Any], None], int | None]] = {
    "statement_timeout": (_takes_too_long, None),
    "lock_timeout": (_waits_for_a_lock, 1),
    "transaction_timeout": (_leaves_its_transaction_open, None),
    "statement_too_large": (_sorts_on_the_disk, None),
}


@pytest.fixture(params=COSTLY)
def costly(request: pytest.FixtureRequest, acme: Any) -> Iterator[tuple[str, Callable[..., None]]]:
    """Return an operation that exceeds a limit, and the expected error code."""
    work, _ = COSTLY[request.param]
    with _database_with(acme, "temp_file_limit", 64):
        yield request.param, lambda *arguments, **options: work(acme)


@pytest.mark.parametrize("name", settings.DATABASE_LIMITS)
def test_connections_have_all_limits(name: str, acme: Any) -> None:
    wanted = settings.DATABASE_LIMITS[name]
    assert wanted > 0
    assert _setting(SHARED_DB, name) == wanted
    with tenant_context(acme):
        assert _setting(DEFAULT_DB_ALIAS, name) == wanted
    with owner_cursor(acme) as cursor:
        cursor.execute("SELECT setting FROM pg_settings WHERE name = %s", [name])
        assert (cursor.fetchone() == ("0",)) == name.endswith("_timeout")


def test_api_answers_a_cancelled_statement(
    costly: tuple[str, Callable[..., None]],
    acme: Any,
    client_of: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    code, work = costly
    client = client_of(acme, "viewer")
    monkeypatch.setattr(ShelfViewSet, "list", work)
    with caplog.at_level(logging.WARNING):
        response = client.get(SHELVES)
    assert response.status_code == 503
    assert (set(response.json()), response.json()["code"]) == ({"detail", "code"}, code)
    _, wait = COSTLY[code]
    assert response.headers.get("Retry-After") == (wait and str(wait))
    assert [each for each in caplog.messages if each.endswith(f": {code}.")]
    monkeypatch.undo()
    assert client.get(SHELVES).status_code == 200


def test_page_answers_a_cancelled_statement(
    costly: tuple[str, Callable[..., None]], acme: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, work = costly
    monkeypatch.setattr(pages, "render_page", work)
    client = Client(headers={"Host": "acme.localhost", "Accept": "text/html"})
    response = client.get("/login/")
    assert response.status_code == 503
    assert response.headers["Content-Type"].startswith("text/html")


def test_statement_cancelled_before_the_view(
    costly: tuple[str, Callable[..., None]], acme: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, work = costly

    def look_up(host: str) -> None:
        with tenant_context(acme):
            work()

    monkeypatch.setattr(middleware, "tenant_of_host", look_up)
    client = Client(headers={"Host": "acme.localhost"}, raise_request_exception=False)
    response = client.get(SHELVES)
    assert (response.status_code, response.json()["code"]) == (503, code)


def test_other_database_errors_are_no_limits(
    acme: Any, client_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute("SELECT 1 / 0")

    monkeypatch.setattr(ShelfViewSet, "list", fail)
    client = client_of(acme, "viewer")
    client.raise_request_exception = False
    assert client.get(SHELVES).status_code == 500


@pytest.mark.parametrize(
    "message",
    [
        'FATAL:  too many connections for role "t_1"',
        "FATAL:  sorry, too many clients already",
        "FATAL:  remaining connection slots are reserved for roles with SUPERUSER",
        "FATAL:  query_wait_timeout",
    ],
)
def test_refused_connection_is_a_limit(message: str) -> None:
    """Psycopg has no SQLSTATE for errors before there is a connection."""
    error = OperationalError(message)
    error.__cause__ = psycopg.OperationalError(message)
    answer = as_api_error(error)
    assert answer is not None
    assert (answer.status_code, answer.get_codes()) == (503, "too_many_connections")


def test_limit_that_the_owner_may_not_set_is_reported(acme: Any, settings: Any) -> None:
    """Some hosted servers do not let the owner set ``temp_file_limit``."""
    settings.DATABASE_LIMITS = {"log_min_duration_statement": 1}
    with owner_cursor(acme) as cursor:
        set_limits(cursor, connections[SHARED_DB].settings_dict["NAME"])
    (sentence,) = missing_limits()
    assert sentence.startswith("PostgreSQL has log_min_duration_statement = -1 instead of 1: ")


def test_long_statements_are_allowed_until_the_transaction_ends(acme: Any) -> None:
    with tenant_context(acme):
        with transaction.atomic():
            allow_long_statements()
            long = _setting(DEFAULT_DB_ALIAS, "statement_timeout")
            assert long == 1000 * settings.DATABASE_LONG_SECONDS
        short = _setting(DEFAULT_DB_ALIAS, "statement_timeout")
    assert short == settings.DATABASE_LIMITS["statement_timeout"] < long


@pytest.mark.parametrize(
    ("found", "wanted", "is_weaker"),
    [(0, 5, True), (-1, 5, True), (6, 5, True), (5, 5, False), (4, 5, False), (0, 0, False)],
)
def test_stricter_limit_is_accepted(
    found: int, wanted: int, is_weaker: bool, settings: Any
) -> None:
    settings.DATABASE_LIMITS = {"temp_file_limit": wanted}
    assert bool(list(weaker_limits({"temp_file_limit": found}))) == is_weaker


@pytest.mark.parametrize("name", settings.DATABASE_LIMITS)
def test_server_logs_missing_limits_at_start(
    name: str, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    assert not list(missing_limits())
    settings.DATABASE_LIMITS = {**settings.DATABASE_LIMITS, name: 1}
    with caplog.at_level(logging.WARNING):
        run_preflight_checks()
    (message,) = caplog.messages
    assert f"{name} = " in message
    assert "manage.py migrate" in message
