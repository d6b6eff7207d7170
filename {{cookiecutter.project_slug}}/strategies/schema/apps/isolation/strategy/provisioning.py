"""Creates, destroys and describes a tenant's schema."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from django.db import DEFAULT_DB_ALIAS, connections, transaction

from apps.isolation.app_registry import OWNER
from apps.isolation.integrations.files import delete_files
from apps.isolation.postgresql.grants import runtime_role
from apps.isolation.postgresql.wiping import wipe_tables
from apps.isolation.strategy.copying import copy_into
from apps.isolation.strategy.naming import PATTERN, PUBLIC, TEMPLATE, physical_name
from apps.isolation.strategy.protocol import ProvisioningReport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.backends.utils import CursorWrapper

    from apps.isolation.context import Identified

NEEDS_STORAGE: Final = True
"""A tenant has no place for its rows until its schema is made."""


def provision(tenant: Identified) -> None:
    """Create the tenant's schema with all tables, unless it exists.

    One message in one transaction copies the template schema, which takes a tenth of the time of
    migrations. Raises `ProvisioningError` without a template.
    """
    schema = physical_name(tenant.id)
    connection = connections[OWNER]
    with transaction.atomic(using=OWNER), connection.cursor() as cursor:
        # Wait for migrate, and for other processes that provision the same tenant.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [schema])
        cursor.execute("SELECT pg_advisory_xact_lock_shared(hashtextextended(%s, 0))", [TEMPLATE])
        cursor.execute("SELECT to_regnamespace(%s) IS NOT NULL", [schema])
        if cursor.fetchone() == (True,):
            return
        cursor.execute(
            f"CREATE SCHEMA {schema}; GRANT USAGE ON SCHEMA {schema} TO {runtime_role()};"
            f"SET LOCAL search_path = {schema}, {PUBLIC}; {copy_into(schema, cursor)}"
        )


def deprovision(tenant: Identified) -> None:
    """Drop the tenant's schema and files, if they exist."""
    with connections[OWNER].cursor() as cursor:
        cursor.execute(f"DROP SCHEMA IF EXISTS {physical_name(tenant.id)} CASCADE")
    delete_files(tenant)


def provisioning_report(tenant: Identified) -> ProvisioningReport:
    """Describe the tenant's schema."""
    schema = physical_name(tenant.id)
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(
            """
            SELECT to_regnamespace(%s) IS NOT NULL, count(c.oid),
                   coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint
            FROM pg_class c
            WHERE c.relnamespace = to_regnamespace(%s) AND c.relkind = 'r'
            """,
            [schema, schema],
        )
        exists, tables, size = cursor.fetchone() or (False, 0, 0)
    return ProvisioningReport(name=schema, exists=exists, tables=tables, size=size)


@contextmanager
def owner_cursor(tenant: Identified) -> Iterator[CursorWrapper]:
    """Open a cursor of the owner in the tenant's schema."""
    connection: Any = connections[OWNER].copy()  # the thread's own is led through all schemas
    connection.set_schema(physical_name(tenant.id))
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def wipe() -> None:
    """Delete all rows of the shared data and of every tenant."""
    with connections[OWNER].cursor() as cursor:
        wipe_tables(cursor, schemas=f"^{PUBLIC}$|{PATTERN}")
