"""Limits of the tenants' databases and roles: set by ``migrate``, checked by the health check."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connections
from psycopg.sql import SQL, Identifier

from apps.isolation.app_registry import SHARED_DB
from apps.isolation.postgresql.limits import set_limits, wanted_limits, weaker_limits
from apps.isolation.strategy.naming import physical_name

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from django.db.backends.utils import CursorWrapper


def limit_tenant(cursor: CursorWrapper, name: str) -> None:
    """Set the limits of a tenant's database, and of its role's connections, as the owner."""
    set_limits(cursor, name)
    statement = SQL("ALTER ROLE {} CONNECTION LIMIT {}")
    cursor.execute(statement.format(Identifier(name), _most_connections()))


def limit_tenants(cursor: CursorWrapper, names: list[str]) -> None:
    """Set the limits of the tenants whose database or role has different ones."""
    for name, (limits, connection_limit) in _limits_of(cursor, names).items():
        if limits != wanted_limits() or connection_limit != _most_connections():
            limit_tenant(cursor, name)


def find_weaker_limits(tenants: Iterable[UUID]) -> dict[UUID, list[str]]:
    """Return sentences about missing limits, by tenant."""
    names = {physical_name(tenant): tenant for tenant in tenants}
    with connections[SHARED_DB].cursor() as cursor:
        found = _limits_of(cursor, list(names))
    weaker = {names[name]: list(weaker_limits(limits)) for name, (limits, _) in found.items()}
    return {tenant: sentences for tenant, sentences in weaker.items() if sentences}


def _most_connections() -> int:
    """Return the limit of a tenant's connections in PostgreSQL's notation."""
    return settings.TENANT_MOST_CONNECTIONS or -1


def _limits_of(cursor: CursorWrapper, names: list[str]) -> dict[str, tuple[dict[str, int], int]]:
    """Return the limits of databases and of the roles with the same names."""
    cursor.execute(
        "SELECT datname, setconfig, rolconnlimit FROM pg_database "
        "JOIN pg_roles ON rolname = datname "
        "LEFT JOIN pg_db_role_setting ON setdatabase = pg_database.oid AND setrole = 0 "
        "WHERE datname = ANY (%s)",
        [names],
    )
    return {
        name: (_numbers(config or ()), connection_limit)
        for name, config, connection_limit in cursor.fetchall()
    }


def _numbers(config: Iterable[str]) -> dict[str, int]:
    """Return the limits among a database's settings, as numbers; `set_limits` wrote them."""
    pairs = (each.partition("=") for each in config)
    return {
        name: int(value)
        for name, _, value in pairs
        if name in settings.DATABASE_LIMITS and value.lstrip("-").isdigit()
    }
