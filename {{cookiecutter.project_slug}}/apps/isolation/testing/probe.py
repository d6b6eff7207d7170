"""What the tests of the wall ask it, and how they break it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from django.db import connections

from apps.isolation.grants import run_time_role
from apps.isolation.placement import OWNER
from apps.isolation.testing.wall import holes
from apps.isolation.wall import who_is_asking


@dataclass(frozen=True, slots=True)
class WallProbe:
    """What the database says of the run-time connection: its role, and whose tenant it serves."""

    role: str
    tenant: UUID | None


def wall_probe() -> WallProbe:
    """Ask the database who is asking, and for whom."""
    return WallProbe(*who_is_asking())


@contextmanager
def break_wall(name: str) -> Iterator[None]:
    """Make the hole that the guard called ``name`` is there to find, and mend it afterwards."""
    role = run_time_role()
    every = {
        "the run-time role has no powers": (
            f"GRANT CREATE ON SCHEMA public TO {role}",
            f"REVOKE CREATE ON SCHEMA public FROM {role}",
        ),
        "functions run with the rights of who calls": (
            "CREATE FUNCTION hole() RETURNS text SECURITY DEFINER LANGUAGE sql RETURN current_user",
            "DROP FUNCTION hole",
        ),
        **holes(),
    }
    with hole(*every[name]):
        yield


@contextmanager
def hole(make: str, mend: str) -> Iterator[None]:
    """Make a hole in the wall by one statement of the owner, and mend it by another."""
    with connections[OWNER].cursor() as cursor:
        cursor.execute(make)
        try:
            yield
        finally:
            cursor.execute(mend)
