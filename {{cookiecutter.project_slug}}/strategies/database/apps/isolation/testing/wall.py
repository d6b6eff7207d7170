"""Questions to this wall, and ways to break it, for the tests of the wall."""

from contextlib import AbstractContextManager
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections

from apps.isolation.testing.probe import WallProbe, hole, hole_of_powers
from apps.isolation.wall import fleet, tables


def wall_probe() -> WallProbe:
    """Ask the database who is asking, and for whom."""
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("SELECT current_user, current_database()")
        role, database = cursor.fetchone() or ("", "")
    return WallProbe(role, UUID(database.removeprefix("t_")) if role == database else None)


def break_wall(name: str) -> AbstractContextManager[None]:
    """Make the hole that the guard called ``name`` is there to find, and mend it afterwards."""
    tenant, table = fleet()[0], tables(of_tenants=True)[0]
    make, mend = {
        "the run-time role has no powers": hole_of_powers(),
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
