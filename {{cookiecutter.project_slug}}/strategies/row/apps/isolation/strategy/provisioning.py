"""Creates, destroys and describes a tenant's rows in the shared tables."""

from typing import Final

from django.db import connections, transaction

from apps.isolation.app_registry import OWNER, SHARED_DB, tables
from apps.isolation.context import ActiveTenant, Identified, activate_tenant
from apps.isolation.exceptions import ProvisioningError
from apps.isolation.integrations.files import delete_files
from apps.isolation.postgresql.wiping import wipe_tables
from apps.isolation.strategy.naming import physical_name
from apps.isolation.strategy.protocol import ProvisioningReport

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
    """Delete all rows and files of the tenant, if any."""
    deletes = [f"DELETE FROM {table} WHERE tenant_id = '{tenant.id}'" for table in _tables()]
    # Inside the tenant, since servers without the owner's address delete failed sign-ups too.
    with (
        activate_tenant(ActiveTenant(tenant.id)),
        transaction.atomic(using=SHARED_DB),
        connections[SHARED_DB].cursor() as cursor,
    ):
        # Checked at the end, so the order of the tables does not matter.
        cursor.execute("; ".join(["SET CONSTRAINTS ALL DEFERRED", *deletes]))
    delete_files(tenant)


def provisioning_report(tenant: Identified) -> ProvisioningReport:
    """Describe the tenant's rows. The size does not include indexes."""
    sizes = [
        f"SELECT sum(pg_column_size(t.*)) AS size FROM {table} t WHERE tenant_id = '{tenant.id}'"
        for table in _tables()
    ]
    with connections[OWNER].cursor() as cursor:
        every = " UNION ALL ".join(sizes)
        cursor.execute(f"SELECT count(size), coalesce(sum(size), 0) FROM ({every}) AS sizes")
        count, size = cursor.fetchone() or (0, 0)
    name = physical_name(tenant.id)
    return ProvisioningReport(name=name, exists=True, tables=count, size=int(size))


def wipe() -> None:
    """Delete all rows of the shared data and of every tenant."""
    with connections[OWNER].cursor() as cursor:
        wipe_tables(cursor, schemas="^public$")


def _tables() -> list[str]:
    """Return the tenant tables, without views."""
    present = connections[SHARED_DB].introspection.table_names()
    return [table for table in tables(of_tenants=True) if table in present]
