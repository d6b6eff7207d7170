"""Questions to this wall, and ways to break it, for the tests of the wall."""

from contextlib import AbstractContextManager
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections

from apps.isolation.schemas import PUBLIC
from apps.isolation.testing.probe import WallProbe, hole, hole_of_powers
from apps.isolation.wall import tenant_tables


def wall_probe() -> WallProbe:
    """Ask the database who is asking, and for whom."""
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("SELECT current_user, current_schema()")
        role, schema = cursor.fetchone() or ("", "")
    return WallProbe(role, None if schema == PUBLIC else UUID(schema.removeprefix("t_")))


def break_wall(name: str) -> AbstractContextManager[None]:
    """Make the hole that the guard called ``name`` is there to find, and mend it afterwards."""
    stray = f"{PUBLIC}.{tenant_tables()[0]}"
    make, mend = {
        "the run-time role has no powers": hole_of_powers(),
        "tenant tables are in no other schema": (f"CREATE TABLE {stray} ()", f"DROP TABLE {stray}"),
    }[name]
    return hole(make, mend)
