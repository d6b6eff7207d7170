"""The connection as the database sees it, and ways to break an invariant."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from django.db import connections

from apps.isolation.app_registry import OWNER
from apps.isolation.postgresql.grants import runtime_role
from apps.isolation.strategy.invariants import connection_identity
from apps.isolation.strategy.testing import breaches


@dataclass(frozen=True, slots=True)
class IsolationProbe:
    """The role and the tenant of the run-time connection, as the database sees them."""

    role: str
    tenant: UUID | None


def isolation_probe() -> IsolationProbe:
    """Ask the database for the connection's role and tenant."""
    return IsolationProbe(*connection_identity())


@contextmanager
def break_invariant(name: str) -> Iterator[None]:
    """Violate the invariant called ``name`` for the time of a block."""
    role = runtime_role()
    every = {
        "the run-time role has no powers": (
            f"GRANT CREATE ON SCHEMA public TO {role}",
            f"REVOKE CREATE ON SCHEMA public FROM {role}",
        ),
        "functions run with the rights of who calls": (
            "CREATE FUNCTION breach() RETURNS text SECURITY DEFINER LANGUAGE sql RETURN 'x'",
            "DROP FUNCTION breach",
        ),
        **breaches(),
    }
    with breach(*every[name]):
        yield


@contextmanager
def breach(make: str, undo: str) -> Iterator[None]:
    """Run one statement as the owner, and another at the end of the block."""
    with connections[OWNER].cursor() as cursor:
        cursor.execute(make)
        try:
            yield
        finally:
            cursor.execute(undo)
