"""A server does not start if it could not keep tenants apart, and reports the reason."""

from collections.abc import Callable
from urllib.parse import quote

import pytest

from apps.isolation.testing import (
    PRESETS,
    STATEMENTS_CARRY_THE_TENANT,
    break_invariant,
    every_breach,
    invariants,
)
from tests.pooler import Refused, pooler
from tests.support import environment, manage, run

pytestmark = pytest.mark.django_db(transaction=True)

LOCAL = {"DJANGO_SETTINGS_MODULE": "config.settings.local"}
CLOSED = "postgres://user:password@127.0.0.1:1/nothing"
WHAT_IS_OPEN = """
import config.wsgi
from django.db import connections
for connection in connections.all(initialized_only=True):
    print(connection.connection or connection._connection_pools or "nothing")
"""

KEPT = """
from config.settings import local
local.DATABASES[local.SHARED_DB]["CONN_MAX_AGE"] = 60
import config.wsgi
"""


def _complaint(server: str = "config.wsgi", **changes: str) -> str:
    """Start a server; return its error, or an empty text if it starts."""
    done = run("-c", f"import {server}", **LOCAL | changes)
    return done.stderr.splitlines()[-1] if done.returncode else ""


def _nothing(statement: bytes) -> bytes:
    return statement


def _without_its_prefix(statement: bytes) -> bytes:
    return statement.partition(b";")[2] if statement.startswith(b"SET LOCAL") else statement


def _with_a_prefix_that_stays(statement: bytes) -> bytes:
    return statement.replace(b"SET LOCAL", b"SET")


def _alone(statement: bytes) -> bytes:
    """Refuse transactions with PgBouncer's message, as in statement pooling."""
    if statement.startswith(b"BEGIN"):
        raise Refused("transaction blocks not allowed in statement pooling mode")
    return statement


@pytest.mark.parametrize("server", ["config.wsgi", "config.asgi"])
def test_server_starts(server: str) -> None:
    with pooler(_nothing) as address:
        assert _complaint(server, DATABASE_URL=address) == ""


@pytest.mark.parametrize("server", ["config.wsgi", "config.asgi"])
def test_server_does_not_start_with_the_owners_role(server: str) -> None:
    owner = environment()["DATABASE_OWNER_URL"]
    complaint = _complaint(server, DATABASE_URL=owner, DATABASE_OWNER_URL="")
    assert "A server must not" in complaint


def test_server_does_not_start_with_one_role_for_both() -> None:
    owner = environment()["DATABASE_OWNER_URL"]
    complaint = _complaint(DATABASE_URL=owner, DATABASE_OWNER_URL=owner)
    assert "name the same role" in complaint


CHEAP = [name for name, invariant in invariants().items() if invariant.is_cheap]


@pytest.mark.parametrize("name", CHEAP)
@pytest.mark.parametrize("server", ["config.wsgi", "config.asgi"])
def test_server_does_not_start_with_a_violated_invariant(
    server: str, name: str, acme: object
) -> None:
    clause = next(clause for clause, each in every_breach()[name].items() if each.make)
    with break_invariant(name, clause):
        assert f"Invariant violated: {name}." in _complaint(server)


@pytest.mark.parametrize("rewrite", [_without_its_prefix, _with_a_prefix_that_stays])
def test_server_does_not_start_behind_a_pooler_that_splits_messages(
    rewrite: Callable[[bytes], bytes],
) -> None:
    with pooler(rewrite) as address:
        complaint = _complaint(DATABASE_URL=address)
    assert ("does not reach PostgreSQL reliably" in complaint) == STATEMENTS_CARRY_THE_TENANT, (
        complaint
    )


@pytest.mark.parametrize("preset", PRESETS)
def test_server_does_not_start_with_a_preset_tenant(preset: str) -> None:
    with pooler(_nothing) as address:
        complaint = _complaint(DATABASE_URL=f"{address}&options={quote(preset)}")
    assert "does not reach PostgreSQL reliably" in complaint


def test_server_does_not_start_behind_statement_pooling() -> None:
    with pooler(_alone) as address:
        complaint = _complaint(DATABASE_URL=address)
    assert "Cannot begin a transaction" in complaint
    assert "statement pooling mode" in complaint


def test_server_does_not_start_with_pool_and_persistent_connections() -> None:
    done = run("-c", KEPT, **LOCAL, DATABASE_POOL_SIZE="2")
    assert "keeps connections" in done.stderr.splitlines()[-1]


def test_address_cannot_combine_pool_and_persistent_connections() -> None:
    address = f"{environment()['DATABASE_URL']}?conn_max_age=60"
    assert "DATABASE_URL must be an address" in _complaint(DATABASE_URL=address)


def test_unreachable_database_does_not_stop_the_server() -> None:
    assert _complaint(DATABASE_URL=CLOSED) == ""


def test_commands_run_without_preflight_checks() -> None:
    done = manage("showmigrations", DATABASE_URL=environment()["DATABASE_OWNER_URL"])
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("size", ["0", "2"])
def test_no_connection_stays_open_for_forked_processes(size: str) -> None:
    done = run("-c", WHAT_IS_OPEN, **LOCAL, DATABASE_POOL_SIZE=size)
    assert set(done.stdout.splitlines()) == {"nothing"}, done.stderr
