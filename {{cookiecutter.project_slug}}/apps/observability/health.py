"""Readiness checks of this process."""

import logging
from functools import cache, lru_cache
from time import monotonic

from django.core.cache import caches
from django.db import DatabaseError, connections

from apps.isolation.app_registry import SHARED_DB
from apps.isolation.migration_state import is_fully_migrated
from apps.isolation.preflight import invariant_problems, preflight_problems

logger = logging.getLogger(__name__)

ASKED_EVERY = 30
"""Seconds for which a successful check of the invariants stays valid."""


def health_problems() -> dict[str, str]:
    """Return the problems by the name of the check; empty if this process can serve requests."""
    return {name: problem for name, check in CHECKS.items() if (problem := check())}


def _database() -> str:
    try:
        with connections[SHARED_DB].cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "cannot be reached"
    return ""


def _cache() -> str:
    # Each client library raises its own errors for an unreachable cache, so all errors are caught.
    try:
        caches["platform"].set("healthz", "ok", timeout=5)
        return "" if caches["platform"].get("healthz") == "ok" else "does not keep values"
    except Exception:  # noqa: BLE001
        return "cannot be reached"


def _migrations() -> str:
    try:
        _require_migrated()
    except DatabaseError:
        return "cannot be read"
    except _NotYet:
        return "have not all been applied"
    return ""


def _isolation() -> str:
    try:
        _require_isolation()
        _require_invariants(int(monotonic() // ASKED_EVERY))
    except DatabaseError:
        return "cannot be checked"
    except _NotYet as reason:
        logger.error(str(reason))  # noqa: TRY400 - where it was raised says nothing
        return "does not keep tenants apart; the log says why"
    return ""


class _NotYet(Exception):
    """A check failed. An exception, because `cache` would keep a returned problem."""


# Once these two succeed, their result holds until the process ends.


@cache
def _require_migrated() -> None:
    if not is_fully_migrated(connections[SHARED_DB]):
        raise _NotYet


@cache
def _require_isolation() -> None:
    for reason in preflight_problems():
        raise _NotYet(reason)


# The database's answer to the checks below can change while this process serves.


@lru_cache(maxsize=1)
def _require_invariants(period: int) -> None:
    for reason in invariant_problems():
        raise _NotYet(reason)


CHECKS = {
    "database": _database,
    "cache": _cache,
    "migrations": _migrations,
    "isolation": _isolation,
}
