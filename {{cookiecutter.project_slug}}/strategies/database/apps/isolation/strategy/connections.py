"""Connections: the current alias, the limit of open connections, and the owner's connections."""

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
    """Return the alias for code that names none.

    It is the alias of the running migration, else of the active tenant, else of the shared data.
    """
    if alias := owner_alias():
        return alias
    tenant = current_tenant()
    return SHARED_DB if tenant is None else physical_name(tenant.id)


def note_use(alias: str) -> None:
    """Record the use of a tenant's connection, and close connections above the limit.

    The least recently used are closed first. One in a transaction stays open.
    """
    opened.aliases.pop(alias, None)
    opened.aliases[alias] = None
    for other in list(opened.aliases)[: -settings.TENANT_CONNECTIONS]:
        if _is_idle(connections[other]):
            forget(other)


def _is_idle(connection: BaseDatabaseWrapper) -> bool:
    """Return whether a connection is in no transaction, however it was begun, and can be closed."""
    session = connection.connection
    return session is None or session.info.transaction_status == TransactionStatus.IDLE


def forget(alias: str) -> None:
    """Close a tenant's connection of this thread, if there is one."""
    if alias in opened.aliases:
        del opened.aliases[alias]
        connections[alias].close()
        del connections[alias]


def has_open_block_elsewhere(alias: str) -> bool:
    """Return whether this thread is in an ``atomic()`` without an alias, on another connection.

    The blocks that a test case opens around every test do not count.
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
    """Connect as the owner to a database, by default the shared one, within the block.

    It is a new connection outside of any transaction, as CREATE DATABASE requires. It has an alias
    of its own, for the ORM and for migrations, so blocks may nest.
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
