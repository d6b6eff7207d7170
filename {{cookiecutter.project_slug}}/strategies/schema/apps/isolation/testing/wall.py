"""Questions to this wall, and ways to break it, for the tests of the wall."""

from contextlib import AbstractContextManager
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections

from apps.isolation.grants import run_time_role
from apps.isolation.schemas import PUBLIC
from apps.isolation.testing.probe import WallProbe, hole
from apps.isolation.wall import tenant_tables


def wall_probe() -> WallProbe:
    """Ask the database who is asking, and for whom."""
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("SELECT current_user, current_schema()")
        role, schema = cursor.fetchone() or ("", "")
    return WallProbe(role, None if schema == PUBLIC else UUID(schema.removeprefix("t_")))


def break_wall(name: str) -> AbstractContextManager[None]:
    """Make the hole that the guard called ``name`` is there to find, and mend it afterwards."""
    role = run_time_role()
    table = tenant_tables()[0]
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
