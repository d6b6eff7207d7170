"""Questions to this wall, and ways to break it, for the tests of the wall."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from uuid import UUID

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connections

from apps.isolation.grants import run_time_role
from apps.isolation.guards import powers_of_run_time_role
from apps.isolation.placement import CATALOGUE, is_tenant_model
from apps.isolation.provisioning import (
    catalogue_name,
    group_name,
    template_name,
    tenant_databases,
)
from apps.isolation.testing.probe import WallProbe, hole


def wall_probe() -> WallProbe:
    """Ask the database who is asking, and for whom."""
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("SELECT current_user, current_database()")
        role, database = cursor.fetchone() or ("", "")
    return WallProbe(role, UUID(database.removeprefix("t_")) if role == database else None)


def wall_guards() -> dict[str, Callable[[], list[str]]]:
    """Return the guards by name; each returns what it finds wrong."""
    return {
        "the run-time role has no powers": powers_of_run_time_role,
        "tenants' roles have no powers": _powers_of_tenants,
        "no role connects to another's database": _connections_to_others,
        "each table is on its side of the wall": _misplaced_tables,
    }


def break_wall(name: str) -> AbstractContextManager[None]:
    """Make the hole that the guard called ``name`` is there to find, and mend it afterwards."""
    role, tenant, table = run_time_role(), _tenants()[0], _tables(of_tenants=True)[0]
    make, mend = {
        "the run-time role has no powers": (
            f"GRANT CREATE ON SCHEMA public TO {role}",
            f"REVOKE CREATE ON SCHEMA public FROM {role}",
        ),
        "tenants' roles have no powers": (
            f"ALTER ROLE {tenant} CREATEDB",
            f"ALTER ROLE {tenant} NOCREATEDB",
        ),
        "no role connects to another's database": (
            f"GRANT CONNECT ON DATABASE {tenant} TO PUBLIC",
            f"REVOKE CONNECT ON DATABASE {tenant} FROM PUBLIC",
        ),
        "each table is on its side of the wall": (
            f"CREATE TABLE public.{table} ()",
            f"DROP TABLE public.{table}",
        ),
    }[name]
    return hole(make, mend)


def _powers_of_tenants() -> list[str]:
    wanted = f"is a member of {group_name()}"
    return [
        f"{tenant} {power}"
        for tenant in _tenants()
        for power in powers_of_run_time_role(tenant)
        if power != wanted
    ]


def _connections_to_others() -> list[str]:
    tenants, catalogue = _tenants(), catalogue_name()
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
        for alias in [CATALOGUE, *_tenants()]
        for table in connections[alias].introspection.table_names()
        if table in _tables(of_tenants=alias == CATALOGUE)
    ]


def _tenants() -> list[str]:
    with connections[CATALOGUE].cursor() as cursor:
        return tenant_databases(cursor)


def _tables(*, of_tenants: bool) -> list[str]:
    models = apps.get_models(include_auto_created=True)
    return [model._meta.db_table for model in models if is_tenant_model(model) == of_tenants]


_CONNECTIONS_TO_OTHERS = """
SELECT format('%%s may connect to %%s', role, database)
FROM unnest(%(roles)s::name[], %(homes)s::name[]) AS resident (role, home),
    unnest(%(databases)s::name[]) AS database
WHERE database <> home AND has_database_privilege(role, database::text, 'CONNECT')
"""
