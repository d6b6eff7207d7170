"""Make, destroy and describe a tenant's storage, which is rows in tables that all share."""

from uuid import UUID

from django.db import connections, transaction

from apps.isolation.context import ActiveTenant, Identified, activate
from apps.isolation.files import delete_files
from apps.isolation.placement import CATALOGUE, OWNER, tables
from apps.isolation.storage import ProvisioningError, StorageReport
from apps.isolation.wiping import wipe_tables


def provision(tenant: Identified) -> None:
    """See that the shared tables are there: a tenant's rows need no place of their own.

    Raises `ProvisioningError` if they are not.
    """
    present = connections[CATALOGUE].introspection.table_names()
    missing = [table for table in tables(of_tenants=True) if table not in present]
    if missing:
        message = f"There is no table {missing[0]}: run manage.py migrate first."
        raise ProvisioningError(message)


def deprovision(tenant: Identified) -> None:
    """Delete all rows and files of the tenant; do nothing if there are none."""
    deletes = [
        f"DELETE FROM {table} WHERE tenant_id = '{tenant.id}'" for table in tables(of_tenants=True)
    ]
    # As the tenant itself, since a sign-up that fails has no owner to do it.
    with (
        activate(ActiveTenant(tenant.id)),
        transaction.atomic(using=CATALOGUE),
        connections[CATALOGUE].cursor() as cursor,
    ):
        # Checked at the end, so the order of the tables plays no part.
        cursor.execute("; ".join(["SET CONSTRAINTS ALL DEFERRED", *deletes]))
    delete_files(tenant)


def storage_name(tenant_id: UUID) -> str:
    """Return what the tenant's rows bear: the id."""
    return str(tenant_id)


def storage_report(tenant: Identified) -> StorageReport:
    """Describe the tenant's rows; the size is theirs, without indexes."""
    sizes = [
        f"SELECT sum(pg_column_size(t.*)) AS size FROM {table} t WHERE tenant_id = '{tenant.id}'"
        for table in tables(of_tenants=True)
    ]
    with connections[OWNER].cursor() as cursor:
        every = " UNION ALL ".join(sizes)
        cursor.execute(f"SELECT count(size), coalesce(sum(size), 0) FROM ({every}) AS sizes")
        count, size = cursor.fetchone() or (0, 0)
    return StorageReport(name=storage_name(tenant.id), exists=True, tables=count, size=int(size))


def wipe() -> None:
    """Delete all rows of the catalogue and of every tenant."""
    with connections[OWNER].cursor() as cursor:
        wipe_tables(cursor, schemas="^public$")
