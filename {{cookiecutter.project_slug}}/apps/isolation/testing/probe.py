"""What the tests of the wall ask it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from django.db import connections

from apps.isolation.grants import run_time_role
from apps.isolation.placement import OWNER


@dataclass(frozen=True, slots=True)
class WallProbe:
    """What the database says of the run-time connection: its role, and whose tenant it serves."""

    role: str
    tenant: UUID | None


def hole_of_powers() -> tuple[str, str]:
    """Return what gives the run-time role a power that it must not have, and what takes it back."""
    role = run_time_role()
    return (
        f"GRANT CREATE ON SCHEMA public TO {role}",
        f"REVOKE CREATE ON SCHEMA public FROM {role}",
    )


@contextmanager
def hole(make: str, mend: str) -> Iterator[None]:
    """Make a hole in the wall by one statement of the owner, and mend it by another."""
    with connections[OWNER].cursor() as cursor:
        cursor.execute(make)
        try:
            yield
        finally:
            cursor.execute(mend)
