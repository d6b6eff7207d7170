"""Liveness and readiness probes."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from apps.isolation.app_registry import SHARED_DB
from apps.isolation.testing import breach, break_invariant, invariants
from apps.observability import health
from tests.support import environment, manage, statements

HOSTS = ["127.0.0.1", "localhost", "acme.localhost", "10.0.0.7:8000", "nobody.example"]
NOWHERE = {
    "DATABASE_URL": "postgres://user:password@127.0.0.1:1/nothing",
    "DATABASE_OWNER_URL": "postgres://owner:password@127.0.0.1:1/nothing",
}
ASK = """
import json
from django.test import Client
for path in ("/healthz/live", "/healthz/ready"):
    response = Client().get(path, headers={"Host": "10.0.0.7"})
    print(json.dumps([response.status_code, response.json()]))
"""


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    """Clear the cached results before each test."""
    health._require_migrated.cache_clear()
    health._require_isolation.cache_clear()
    health._require_invariants.cache_clear()
    yield
    health._require_migrated.cache_clear()
    health._require_invariants.cache_clear()


def _get(path: str, host: str = "127.0.0.1") -> tuple[int, Any]:
    response = Client(headers={"Host": host}).get(path)
    return response.status_code, response.json()


@pytest.mark.parametrize("host", HOSTS)
def test_live_answers_on_every_host_without_a_query(host: str) -> None:
    """A test without the mark ``django_db`` cannot connect."""
    assert _get("/healthz/live", host) == (200, {"status": "ok"})


@pytest.mark.django_db
@pytest.mark.parametrize("host", HOSTS)
def test_ready_answers_on_every_host(host: str) -> None:
    assert _get("/healthz/ready", host) == (200, {"status": "ok"})


@pytest.mark.django_db
def test_ready_caches_permanent_results() -> None:
    _get("/healthz/ready")
    with statements() as sent:
        _get("/healthz/ready")
    assert sent == ["SELECT 1"]


@pytest.mark.django_db(transaction=True)
def test_unapplied_migrations_are_reported() -> None:
    forget = "UPDATE django_migrations SET app = 'gone' WHERE app = 'sessions'"
    problems = {"migrations": "have not all been applied"}
    with breach(forget, "UPDATE django_migrations SET app = 'sessions' WHERE app = 'gone'"):
        for _ in range(2):
            assert _get("/healthz/ready") == (503, {"status": "unavailable", "problems": problems})
    assert _get("/healthz/ready") == (200, {"status": "ok"})


CHEAP = [
    (name, clause)
    for name, invariant in invariants().items()
    if invariant.is_cheap
    for clause in invariant.clauses
]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("name", "clause"), CHEAP, ids=str)
def test_violation_is_reported_within_a_minute(
    name: str, clause: str, acme: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For example, a disabled policy, or an additional privilege."""
    problems = {"isolation": "does not keep tenants apart; the log says why"}
    now = [1_000_000.0]
    monkeypatch.setattr("apps.observability.health.monotonic", lambda: now[0])
    assert health.ASKED_EVERY < 60
    assert _get("/healthz/ready")[0] == 200
    with break_invariant(name, clause):
        now[0] += health.ASKED_EVERY
        for _ in range(2):
            assert _get("/healthz/ready") == (503, {"status": "unavailable", "problems": problems})
    assert _get("/healthz/ready") == (200, {"status": "ok"})


@pytest.mark.django_db
def test_cache_that_stores_nothing_is_reported(settings: Any) -> None:
    settings.CACHES = {
        **settings.CACHES,
        "platform": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"},
    }
    problems = {"cache": "does not keep values"}
    assert _get("/healthz/ready") == (503, {"status": "unavailable", "problems": problems})


@pytest.mark.django_db(transaction=True)
def test_unreachable_cache_is_reported(settings: Any) -> None:
    settings.CACHES = {
        **settings.CACHES,
        "platform": {
            "BACKEND": "django.core.cache.backends.db.DatabaseCache",
            "LOCATION": "no_such_table",
        },
    }
    problems = {"cache": "cannot be reached"}
    assert _get("/healthz/ready") == (503, {"status": "unavailable", "problems": problems})


@pytest.mark.django_db
def test_unreachable_database_is_reported() -> None:
    done = manage("shell", "--verbosity=0", f"--command={ASK}", **NOWHERE)
    live, ready = (json.loads(line) for line in done.stdout.splitlines())
    assert live == [200, {"status": "ok"}]
    problems = {
        "database": "cannot be reached",
        "migrations": "cannot be read",
        "isolation": "cannot be checked",
    }
    assert ready == [503, {"status": "unavailable", "problems": problems}]


@pytest.mark.django_db
def test_command_reports_an_unreachable_database() -> None:
    done = manage("list_tenants", **NOWHERE)
    assert (done.returncode, done.stdout) == (1, "")
    assert "The database of DATABASE_URL or DATABASE_OWNER_URL: " in done.stderr
    assert "Traceback" not in done.stderr


FAIL = "from django.db import connection as c; c.cursor().execute({statement!r})"
RAISE = "DO $$ BEGIN RAISE 'No space left' USING ERRCODE = '{code}', HINT = 'Free some.'; END $$"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("code", "is_told"), [("53100", True), ("57P01", True), ("58030", True), ("57014", False)]
)
def test_command_reports_a_server_without_resources(code: str, is_told: bool) -> None:
    statement = FAIL.format(statement=RAISE.format(code=code))
    done = manage("shell", "--verbosity=0", f"--command={statement}")
    assert done.returncode == 1
    assert ("Traceback" not in done.stderr) == is_told
    assert ("OWNER_URL: No space left HINT:  Free some." in done.stderr) == is_told


@pytest.mark.django_db
def test_processes_use_the_test_database() -> None:
    """They must not touch development data."""
    with connections[SHARED_DB].cursor() as cursor:
        cursor.execute("SELECT current_database()")
        (name,) = cursor.fetchone() or ("",)
    assert name.startswith("test_")
    for variable in ("DATABASE_URL", "DATABASE_OWNER_URL"):
        assert environment()[variable].endswith(f"/{name}")
