"""Connections: the current one, the number that stays open, and those of the owner."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.pq import TransactionStatus

from apps.isolation.app_registry import OWNER, SHARED_DB, owner_alias
from apps.isolation.context import current_tenant
from apps.isolation.strategy.databases import opened
from apps.isolation.strategy.naming import physical_name

_numbers = count(1)


def current_alias() -> str:
    """Return the alias for work that names none.

    It is the database that is being migrated, or the active tenant's, or the shared one.
    """
    if alias := owner_alias():
        return alias
    tenant = current_tenant()
    return SHARED_DB if tenant is None else physical_name(tenant.id)


def note_use(alias: str) -> None:
    """Note that a tenant's connection is in use, and close those that exceed the bound.

    Least recently used first, and none that is in a transaction.
    """
    opened.aliases.pop(alias, None)
    opened.aliases[alias] = None
    for other in list(opened.aliases)[: -settings.TENANT_CONNECTIONS]:
        if _is_idle(connections[other]):
            forget(other)


def _is_idle(connection: BaseDatabaseWrapper) -> bool:
    """Return whether nothing is lost with a connection: no transaction, however it was begun."""
    session = connection.connection
    return session is None or session.info.transaction_status == TransactionStatus.IDLE


def forget(alias: str) -> None:
    """Close a tenant's connection of this thread, if there is one."""
    if alias in opened.aliases:
        del opened.aliases[alias]
        connections[alias].close()
        del connections[alias]


def has_open_block_elsewhere(alias: str) -> bool:
    """Return whether this thread is in an ``atomic()`` that names no database, in another one.

    Those that a test case wraps around every test do not count.
    """
    blocks: list[Any] = [
        block
        for other in (SHARED_DB, *opened.aliases)
        if other != alias
        for block in connections[other].atomic_blocks
    ]
    return any(
        block.using in {None, DEFAULT_DB_ALIAS} and not block._from_testcase  # noqa: SLF001
        for block in blocks
    )


@contextmanager
def owner_connection(database: str = "") -> Iterator[BaseDatabaseWrapper]:
    """Connect as the owner to a database, by default the shared one, for the time of a block.

    A connection of its own, in no transaction: PostgreSQL makes no database inside of one. Its
    alias, for the ORM and for migrations, is its own too, so that blocks may nest.
    """
    alias = f"{OWNER} {next(_numbers)}"
    connection = connections[OWNER].copy(alias)
    connection.settings_dict["NAME"] = database or connection.settings_dict["NAME"]
    connections[alias] = connection
    try:
        yield connection
    finally:
        connection.close()
        del connections[alias]
