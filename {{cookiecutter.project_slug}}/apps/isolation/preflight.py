"""Preflight checks: a server refuses to start if its connections cannot keep tenants apart."""

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, OperationalError, connections, transaction

from apps.isolation.app_registry import OWNER, SHARED_DB
from apps.isolation.context import ActiveTenant, activate_tenant
from apps.isolation.postgresql.limits import missing_limits
from apps.isolation.strategy.invariants import connection_identity, invariants, sample_tenant

logger = logging.getLogger(__name__)


def run_preflight_checks() -> None:
    """Raise ImproperlyConfigured, in a sentence, if this process must not serve.

    For servers, when they start. A database that cannot be reached is not checked now: the
    readiness probe checks it later, and until then nobody sends requests.
    """
    try:
        reason = next(preflight_problems(), "")
        # Tenants are kept apart without them, so a server starts all the same.
        missing = [] if reason else list(missing_limits())
    except OperationalError:
        reason, missing = "", []
    if reason:
        raise ImproperlyConfigured(reason)
    for sentence in missing:
        logger.warning("%s", sentence)
    # A server that forks now would share them among its processes.
    close_connections()


def close_connections() -> None:
    """Close every connection of this thread, and the pools of the process."""
    for connection in connections.all(initialized_only=True):
        session = connection.connection
        connection.close()
        connection.close_pool()  # type: ignore[attr-defined] # every backend here is PostgreSQL's
        if session:  # which comes back to the pool when it is clean, and then nobody closes it
            session.close()


def preflight_problems() -> Iterator[str]:
    """Yield the reasons not to serve; first those that need no database."""
    yield from _same_role()
    yield from _kept_from_the_pool()
    yield from invariant_problems()
    yield from _no_transactions()
    yield from _lost_contexts()


def invariant_problems() -> Iterator[str]:
    """Yield the reasons not to serve that somebody may bring about in the database at any time."""
    for name, invariant in invariants().items():
        if invariant.is_cheap:
            for found in invariant():
                yield (
                    f"Invariant violated: {name}. Found: {found}. A server must not serve in this "
                    "state: docs/isolation.md describes the invariants and the roles."
                )


def _same_role() -> Iterator[str]:
    run_time, owner = (connections[alias].settings_dict["USER"] for alias in (SHARED_DB, OWNER))
    if owner and run_time == owner:
        yield (
            f"DATABASE_URL and DATABASE_OWNER_URL name the same role, {owner}. A server must not "
            "run as the owner: set DATABASE_URL to a role that may only read and write rows."
        )


def _kept_from_the_pool() -> Iterator[str]:
    settings = connections[SHARED_DB].settings_dict
    if settings["OPTIONS"].get("pool") and settings["CONN_MAX_AGE"] != 0:
        yield (
            "DATABASE_POOL_SIZE creates a pool, but CONN_MAX_AGE in the settings keeps connections "
            "from returning to it: remove one of the two."
        )


def _no_transactions() -> Iterator[str]:
    try:
        with transaction.atomic(using=SHARED_DB), connections[SHARED_DB].cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        yield (
            f"Cannot begin a transaction at DATABASE_URL ({error}): a pooler must be in "
            "transaction mode or in session mode."
        )


def _lost_contexts() -> Iterator[str]:
    blocks = (nullcontext(), transaction.atomic(using=SHARED_DB))
    if not all(_contexts_arrive(block) for block in blocks):
        yield (
            "The tenant setting does not reach PostgreSQL reliably: DATABASE_URL and its role must "
            "preset nothing, and a pooler must not split, cache or replay messages. PgBouncer in "
            "transaction mode is suitable."
        )


def _contexts_arrive(block: AbstractContextManager[object]) -> bool:
    """Return whether each statement of a block sees the tenant that it is sent for, or none."""
    tenant = sample_tenant()
    with block:
        return all(_arrives(each) for each in (None, tenant, None, tenant, None))


def _arrives(tenant: ActiveTenant | None) -> bool:
    with activate_tenant(tenant):
        try:
            _, seen = connection_identity()
        except ValueError:  # what it sees is no context at all
            return False
    return seen == (tenant and tenant.id)
