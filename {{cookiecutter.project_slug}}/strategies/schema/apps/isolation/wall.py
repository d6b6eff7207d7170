"""What must hold of this wall in the database, and is asked of it."""

from collections.abc import Callable

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connections

from apps.isolation.guards import powers_of_run_time_role
from apps.isolation.placement import is_tenant_model
from apps.isolation.schemas import PATTERN, TEMPLATE


def wall_guards() -> dict[str, Callable[[], list[str]]]:
    """Return the guards by name; each returns what it finds wrong."""
    return {
        "the run-time role has no powers": powers_of_run_time_role,
        "tenant tables are in no other schema": _tables_elsewhere,
    }


def tenant_tables() -> list[str]:
    """Return the names of the tables that each tenant has."""
    return [model._meta.db_table for model in apps.get_models() if is_tenant_model(model)]


def _tables_elsewhere() -> list[str]:
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(
            """
            SELECT format('%%I.%%I', schemaname, tablename) FROM pg_tables
            WHERE tablename = ANY (%s) AND schemaname !~ %s AND schemaname <> %s
            """,
            [tenant_tables(), PATTERN, TEMPLATE],
        )
        return [table for (table,) in cursor.fetchall()]
