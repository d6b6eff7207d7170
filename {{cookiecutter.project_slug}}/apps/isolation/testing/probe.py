"""What the tests of the wall ask it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from django.db import connections

from apps.isolation.placement import OWNER


@dataclass(frozen=True, slots=True)
class WallProbe:
    """What the database says of the run-time connection: its role, and whose tenant it serves."""

    role: str
    tenant: UUID | None


@contextmanager
def hole(make: str, mend: str) -> Iterator[None]:
    """Make a hole in the wall by one statement of the owner, and mend it by another."""
    with connections[OWNER].cursor() as cursor:
        cursor.execute(make)
        try:
            yield
        finally:
            cursor.execute(mend)
