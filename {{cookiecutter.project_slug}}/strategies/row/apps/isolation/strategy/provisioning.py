"""Creates, destroys and describes a tenant's rows in the shared tables."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from django.db import connections, transaction
from django.db.backends.utils import CursorWrapper

from apps.isolation.app_registry import OWNER, SHARED_DB, tables
from apps.isolation.context import ActiveTenant, Identified, activate_tenant
from apps.isolation.exceptions import ProvisioningError
from apps.isolation.integrations.files import delete_files
from apps.isolation.integrations.limits import allow_long_statements
from apps.isolation.postgresql.wiping import wipe_tables
from apps.isolation.strategy.naming import physical_name
from apps.isolation.strategy.protocol import ProvisioningReport

BATCH: Final = 10_000
"""Maximum number of rows that one statement deletes."""

_REFERENCES: Final = """
SELECT own.relname, target.relname FROM pg_constraint k
    JOIN pg_class own ON own.oid = k.conrelid JOIN pg_class target ON target.oid = k.confrelid
WHERE k.contype = 'f' AND own.relname = ANY (%s)
"""

NEEDS_STORAGE: Final = False
"""A tenant's rows are in tables that exist."""


def provision(tenant: Identified) -> None:
    """Check that the tables exist, since a tenant's rows need nothing else.

    Raises `ProvisioningError` if they do not.
    """
    present = connections[SHARED_DB].introspection.table_names(include_views=True)
    missing = [table for table in tables(of_tenants=True) if table not in present]
    if missing:
        message = f"There is no table {missing[0]}: run manage.py migrate first."
        raise ProvisioningError(message)


def deprovision(tenant: Identified) -> None:
    """Delete all rows and files of the tenant, if any.

    Rows are deleted in batches, so that none holds a lock for long, and referring rows first.
    """
    # Inside the tenant, since servers without the owner's address delete failed sign-ups too.
    with activate_tenant(ActiveTenant(tenant.id)):
        for tables, is_ring in _in_order_of_deletion():
            while _delete_batch(tables, tenant, is_whole=is_ring):
                pass
    delete_files(tenant)


def provisioning_report(tenant: Identified) -> ProvisioningReport:
    """Describe the tenant's rows. The size does not include indexes."""
    sizes = [
        f"SELECT sum(pg_column_size(t.*)) AS size FROM {table} t WHERE tenant_id = '{tenant.id}'"
        for table in _quoted(_tables())
    ]
    with connections[OWNER].cursor() as cursor:
        every = " UNION ALL ".join(sizes)
        cursor.execute(f"SELECT count(size), coalesce(sum(size), 0) FROM ({every}) AS sizes")
        count, size = cursor.fetchone() or (0, 0)
    name = physical_name(tenant.id)
    return ProvisioningReport(name=name, exists=True, tables=count, size=int(size))


@contextmanager
def owner_cursor(tenant: Identified) -> Iterator[CursorWrapper]:
    """Open a cursor of the owner of the shared tables."""
    with connections[OWNER].cursor() as cursor:
        yield cursor


def wipe() -> None:
    """Delete all rows of the shared data and of every tenant."""
    with connections[OWNER].cursor() as cursor:
        wipe_tables(cursor, schemas="^public$")


def _delete_batch(tables: list[str], tenant: Identified, *, is_whole: bool) -> bool:
    """Delete all rows, or some rows of each table; return whether rows may be left."""
    some = f"ctid = ANY (ARRAY(SELECT ctid FROM {{0}} WHERE tenant_id = %s LIMIT {BATCH}))"
    condition = "tenant_id = %s" if is_whole else some
    found = False
    with transaction.atomic(using=SHARED_DB), connections[SHARED_DB].cursor() as cursor:
        allow_long_statements(SHARED_DB)
        # Checked at the end, so the order within a ring of references does not matter.
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        for table in _quoted(tables):
            cursor.execute(f"DELETE FROM {table} WHERE {condition.format(table)}", [tenant.id])
            found = found or bool(cursor.rowcount)
    return found and not is_whole


def _in_order_of_deletion() -> Iterator[tuple[list[str], bool]]:
    """Yield tables to which no later one refers, and whether their rows form rings.

    The rows of such a table, or of such tables together, refer to each other.
    """
    left = _tables()
    with connections[SHARED_DB].cursor() as cursor:
        cursor.execute(_REFERENCES, [left])
        references: set[tuple[str, str]] = set(cursor.fetchall())
    while left:
        targets = {to for each, to in references if each in left and each != to}
        free = [table for table in left if table not in targets]
        yield from (([table], (table, table) in references) for table in free)
        if not free:
            yield left, True
            return
        left = [table for table in left if table in targets]


def _tables() -> list[str]:
    """Return the tenant tables, without views."""
    present = connections[SHARED_DB].introspection.table_names()
    return [table for table in tables(of_tenants=True) if table in present]


def _quoted(names: Iterable[str]) -> list[str]:
    return [connections[SHARED_DB].ops.quote_name(name) for name in names]
