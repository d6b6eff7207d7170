"""What must hold of this wall in PostgreSQL, and is asked of it."""

from collections.abc import Callable

from django.apps import apps
from django.db import connections

from apps.isolation.guards import powers_of_run_time_role
from apps.isolation.placement import CATALOGUE, is_tenant_model
from apps.isolation.provisioning import (
    catalogue_name,
    group_name,
    template_name,
    tenant_databases,
)


def wall_guards() -> dict[str, Callable[[], list[str]]]:
    """Return the guards by name; each returns what it finds wrong."""
    return {
        "the run-time role has no powers": powers_of_run_time_role,
        "tenants' roles have no powers": _powers_of_tenants,
        "no role connects to another's database": _connections_to_others,
        "each table is on its side of the wall": _misplaced_tables,
    }


def _powers_of_tenants() -> list[str]:
    wanted = f"is a member of {group_name()}"
    return [
        f"{tenant} {power}"
        for tenant in fleet()
        for power in powers_of_run_time_role(tenant)
        if power != wanted
    ]


def _connections_to_others() -> list[str]:
    tenants, catalogue = fleet(), catalogue_name()
    names = {
        "roles": [connections[CATALOGUE].settings_dict["USER"], *tenants],
        "homes": [catalogue, *tenants],
        "databases": [catalogue, template_name(), *tenants],
    }
    with connections[CATALOGUE].cursor() as cursor:
        cursor.execute(_CONNECTIONS_TO_OTHERS, names)
        return [finding for (finding,) in cursor.fetchall()]


def _misplaced_tables() -> list[str]:
    return [
        f"{alias}: {table}"
        for alias in [CATALOGUE, *fleet()]
        for table in connections[alias].introspection.table_names()
        if table in tables(of_tenants=alias == CATALOGUE)
    ]


def fleet() -> list[str]:
    """Return the names of all tenants' databases, which are their roles' too."""
    with connections[CATALOGUE].cursor() as cursor:
        return tenant_databases(cursor)


def tables(*, of_tenants: bool) -> list[str]:
    """Return the names of the tables of tenants, or of the catalogue."""
    models = apps.get_models(include_auto_created=True)
    return [model._meta.db_table for model in models if is_tenant_model(model) == of_tenants]


_CONNECTIONS_TO_OTHERS = """
SELECT format('%%s may connect to %%s', role, database)
FROM unnest(%(roles)s::name[], %(homes)s::name[]) AS resident (role, home),
    unnest(%(databases)s::name[]) AS database
WHERE database <> home AND has_database_privilege(role, database::text, 'CONNECT')
"""
