"""The databases of all tenants, as ``migrate`` goes through them."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from django.db.backends.base.base import BaseDatabaseWrapper

from apps.isolation.connections import owner_connection
from apps.isolation.databases import database_name as storage_name
from apps.isolation.own_tables import latest_runs
from apps.isolation.provisioning import open_template, tenant_databases

__all__ = ["enter", "fleet", "opened_template", "opener", "schema_in", "storage_name"]


def enter(storage: str) -> str:
    """Return the statement that enters a database: none, since being connected is being in it."""
    return ""


@contextmanager
def opener() -> Iterator[Callable[[str], AbstractContextManager[BaseDatabaseWrapper]]]:
    """Give a function that connects to one database after the other as the owner."""
    yield owner_connection


@contextmanager
def opened_template() -> Iterator[tuple[str, BaseDatabaseWrapper]]:
    """Open the template; give its name and the connection. No tenant is made meanwhile."""
    with (
        owner_connection() as catalogue,
        catalogue.cursor() as cursor,
        open_template(cursor) as name,
        owner_connection(name) as connection,
    ):
        yield name, connection


def schema_in(storage: str) -> str:
    """Return the name of the schema in which the storage's tables are."""
    return "public"


def fleet() -> dict[str, str | None]:
    """Return the tenants' databases with the hashes of what was last known to be applied to them.

    By the ledger, since asking a thousand databases takes a thousand connections. It only decides
    which of them are opened: each is asked itself before anything is applied to it.
    """
    with owner_connection() as connection, connection.cursor() as cursor:
        names = tenant_databases(cursor)
    known = {name: run.after for name, run in latest_runs().items() if not run.error}
    return {name: known.get(name) for name in names}
