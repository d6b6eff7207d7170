"""The databases of all tenants, as ``migrate`` iterates over them."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from django.db.backends.base.base import BaseDatabaseWrapper

from apps.isolation.ledger import latest_runs
from apps.isolation.strategy.connections import owner_connection
from apps.isolation.strategy.content_types import copying_sql
from apps.isolation.strategy.provisioning import open_template, tenant_databases

COMPARED_AT_ONCE = 1
"""A connection belongs to one database."""


def enter(target: str) -> str:
    """Return no statement, since a connection belongs to one database."""
    return ""


def prepare(connection: BaseDatabaseWrapper) -> str:
    """Copy the content types into a database; return the SQL that does so."""
    sql = copying_sql()
    with connection.cursor() as cursor:
        cursor.execute(sql)
    return sql


def adapt(statement: str) -> str:
    """Return a migration's statement unchanged."""
    return statement


def check_made(target: str, connection: BaseDatabaseWrapper) -> None:
    """Accept everything that a migration creates, since PostgreSQL copies whole databases."""


@contextmanager
def target_opener() -> Iterator[Callable[[str], AbstractContextManager[BaseDatabaseWrapper]]]:
    """Yield a function that connects to one database after another as the owner."""
    yield owner_connection


@contextmanager
def opened_template() -> Iterator[tuple[str, BaseDatabaseWrapper]]:
    """Open the template; yield its name and the connection. Tenants cannot be created meanwhile."""
    with (
        owner_connection() as shared,
        shared.cursor() as cursor,
        open_template(cursor) as name,
        owner_connection(name) as connection,
    ):
        yield name, connection


def schema_in(target: str) -> str:
    """Return the schema that holds the target's tables."""
    return "public"


def fingerprints() -> dict[str, str | None]:
    """Return the tenants' databases with the last known hashes of their applied migrations.

    The hashes come from the ledger, since a thousand databases would need a thousand connections.
    They only select the databases to open; each is checked before a migration is applied.
    """
    with owner_connection() as connection, connection.cursor() as cursor:
        names = tenant_databases(cursor)
    known = {name: run.after for name, run in latest_runs().items() if not run.error}
    return {name: known.get(name) for name in names}
