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
    """Raise ImproperlyConfigured if this process must not serve requests.

    Servers call it when they start. An unreachable database is not an error here: the readiness
    probe repeats the checks, and until they succeed no requests arrive.
    """
    try:
        reason = next(preflight_problems(), "")
        # Isolation does not depend on these limits, so the server starts without them.
        missing = [] if reason else list(missing_limits())
    except OperationalError:
        reason, missing = "", []
    if reason:
        raise ImproperlyConfigured(reason)
    for sentence in missing:
        logger.warning("%s", sentence)
    # Otherwise forked server processes would share these connections.
    close_connections()


def close_connections() -> None:
    """Close every connection of this thread, and the pools of the process."""
    for connection in connections.all(initialized_only=True):
        session = connection.connection
        connection.close()
        connection.close_pool()  # type: ignore[attr-defined] # every backend here is PostgreSQL's
        if session:  # the pool would take it back and never close it
            session.close()


def preflight_problems() -> Iterator[str]:
    """Yield the reasons not to serve; those that need no database come first."""
    yield from _same_role()
    yield from _kept_from_the_pool()
    yield from invariant_problems()
    yield from _no_transactions()
    yield from _lost_contexts()


def invariant_problems() -> Iterator[str]:
    """Yield the violated cheap invariants, which can change in the database at any time."""
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
    """Return whether PostgreSQL sees the right tenant, or none, for each statement of a block."""
    tenant = sample_tenant()
    with block:
        return all(_arrives(each) for each in (None, tenant, None, tenant, None))


def _arrives(tenant: ActiveTenant | None) -> bool:
    with activate_tenant(tenant):
        try:
            _, seen = connection_identity()
        except ValueError:  # not a tenant's id
            return False
    return seen == (tenant and tenant.id)
