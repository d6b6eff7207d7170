"""The database's view of the connection, and ways to violate an invariant."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections

from apps.isolation.app_registry import OWNER
from apps.isolation.context import ActiveTenant
from apps.isolation.postgresql.breaches import breach_of_functions, breaches_of_powers
from apps.isolation.postgresql.invariants import examine
from apps.isolation.strategy.invariants import connection_identity
from apps.isolation.strategy.protocol import Breaches
from apps.isolation.strategy.provisioning import owner_cursor
from apps.isolation.strategy.testing import breaches


@dataclass(frozen=True, slots=True)
class IsolationProbe:
    """The role and the tenant of the run-time connection, according to the database."""

    role: str
    tenant: UUID | None


def isolation_probe() -> IsolationProbe:
    """Query the connection's role and tenant."""
    return IsolationProbe(*connection_identity())


def check_keys_at_once() -> None:
    """Make each statement, not COMMIT, check foreign keys until the transaction ends."""
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def every_breach() -> Breaches:
    """Return a breach for each clause of each invariant."""
    return {
        "the run-time role has no powers": breaches_of_powers(),
        "functions run with their caller's rights": {"functions": breach_of_functions()},
        **breaches(),
    }


@contextmanager
def break_invariant(name: str, clause: str = "") -> Iterator[None]:
    """Violate a clause of the invariant called ``name`` within the block.

    Without a clause, violate the first one that a statement can violate, which other processes see.
    """
    every = every_breach()[name]
    one = every[clause] if clause else next(each for each in every.values() if each.make)
    if one.examine:
        with examine(one.examine):
            yield
    else:
        with breach(one.make, one.undo, one.tenant):
            yield


@contextmanager
def breach(make: str, undo: str, tenant: ActiveTenant | None = None) -> Iterator[None]:
    """Run a statement as the owner, and another one at the end of the block."""
    opened = owner_cursor(tenant) if tenant else connections[OWNER].cursor()
    with opened as cursor:
        cursor.execute(make)
        try:
            yield
        finally:
            cursor.execute(undo)
