"""Limits of tenants' databases, and of the connections of their roles."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError, connections

from apps.api.database_limits import as_api_error
from apps.isolation import tenant_context
from apps.isolation.strategy.connections import forget, owner_connection
from apps.isolation.strategy.limits import find_weaker_limits, limit_tenants
from apps.isolation.strategy.naming import physical_name
from tests.pooler import is_behind_pooler

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def name(acme: Any) -> Iterator[str]:
    """Return the name of a tenant's database and role, and restore the limits afterwards."""
    name = physical_name(acme.pk)
    yield name
    forget(name)
    with owner_connection() as owner, owner.cursor() as cursor:
        limit_tenants(cursor, [name])


def _as_owner(statement: str) -> None:
    with owner_connection() as owner, owner.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize(
    "change",
    [
        "ALTER DATABASE {} RESET statement_timeout",
        "ALTER DATABASE {} SET lock_timeout = '6s'",
        "ALTER DATABASE {} SET idle_in_transaction_session_timeout = 0",
        "ALTER DATABASE {} SET temp_file_limit = -1",
        "ALTER DATABASE {} RESET ALL",
    ],
)
def test_migrate_sets_changed_limits(change: str, name: str, acme: Any, globex: Any) -> None:
    tenants = [acme.pk, globex.pk]
    assert find_weaker_limits(tenants) == {}
    _as_owner(change.format(name))
    found = find_weaker_limits(tenants)
    assert list(found) == [acme.pk]
    assert all("manage.py migrate" in sentence for sentence in found[acme.pk])
    with owner_connection() as owner, owner.cursor() as cursor:
        limit_tenants(cursor, [name, physical_name(globex.pk)])
    assert find_weaker_limits(tenants) == {}


def test_connections_of_a_tenant_are_limited(name: str, acme: Any, globex: Any) -> None:
    if is_behind_pooler():
        pytest.skip("a pooler keeps connections that were made before")
    _as_owner(f"ALTER ROLE {name} CONNECTION LIMIT 0")
    forget(name)
    with tenant_context(acme), pytest.raises(OperationalError) as refused:
        connections[name].ensure_connection()
    answer = as_api_error(refused.value)
    assert answer is not None
    assert answer.get_codes() == "too_many_connections"
    with tenant_context(globex):
        connections[physical_name(globex.pk)].ensure_connection()
    with owner_connection() as owner, owner.cursor() as cursor:
        limit_tenants(cursor, [name])
    with tenant_context(acme):
        connections[name].ensure_connection()
