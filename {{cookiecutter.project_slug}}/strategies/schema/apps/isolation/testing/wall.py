"""Questions to this wall, and ways to break it, for the tests of the wall."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from uuid import UUID

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connections

from apps.isolation.grants import run_time_role
from apps.isolation.guards import powers_of_run_time_role
from apps.isolation.placement import is_tenant_model
from apps.isolation.schemas import PUBLIC
from apps.isolation.testing.probe import WallProbe, hole


def wall_probe() -> WallProbe:
    """Ask the database who is asking, and for whom."""
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("SELECT current_user, current_schema()")
        role, schema = cursor.fetchone() or ("", "")
    return WallProbe(role, None if schema == PUBLIC else UUID(schema.removeprefix("t_")))


def wall_guards() -> dict[str, Callable[[], list[str]]]:
    """Return the guards by name; each returns what it finds wrong."""
    return {
        "the run-time role has no powers": powers_of_run_time_role,
        "tenant tables are in no other schema": _tenant_tables_in_public,
    }


def break_wall(name: str) -> AbstractContextManager[None]:
    """Make the hole that the guard called ``name`` is there to find, and mend it afterwards."""
    role = run_time_role()
    table = _tenant_tables()[0]
    make, mend = {
        "the run-time role has no powers": (
            f"GRANT CREATE ON SCHEMA {PUBLIC} TO {role}",
            f"REVOKE CREATE ON SCHEMA {PUBLIC} FROM {role}",
        ),
        "tenant tables are in no other schema": (
            f"CREATE TABLE {PUBLIC}.{table} ()",
            f"DROP TABLE {PUBLIC}.{table}",
        ),
    }[name]
    return hole(make, mend)


def _tenant_tables() -> list[str]:
    return [model._meta.db_table for model in apps.get_models() if is_tenant_model(model)]


def _tenant_tables_in_public() -> list[str]:
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = %s AND tablename = ANY (%s)",
            [PUBLIC, _tenant_tables()],
        )
        return [f"{PUBLIC}.{table}" for (table,) in cursor.fetchall()]
