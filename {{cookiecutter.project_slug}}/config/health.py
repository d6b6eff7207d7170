"""Probes for load balancers and orchestrators; they answer on every host."""

from functools import cache

from django.core.cache import caches
from django.db import DatabaseError, connections
from django.http import HttpRequest, JsonResponse

from apps.isolation import CATALOGUE
from apps.isolation.guards import powers_of_run_time_role
from apps.isolation.head import is_at_head


def live(request: HttpRequest) -> JsonResponse:
    """Answer 200 as long as the process can answer at all; asks nobody else."""
    return JsonResponse({"status": "ok"})


def ready(request: HttpRequest) -> JsonResponse:
    """Answer 200 if requests can be served now, or 503 with what is missing."""
    problems = {name: problem for name, check in CHECKS.items() if (problem := check())}
    if problems:
        return JsonResponse({"status": "unavailable", "problems": problems}, status=503)
    return JsonResponse({"status": "ok"})


def _database() -> str:
    try:
        with connections[CATALOGUE].cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "cannot be reached"
    return ""


def _cache() -> str:
    # A cache that cannot be reached raises what its client library raises, so all is caught.
    try:
        caches["platform"].set("healthz", "ok", timeout=5)
        return "" if caches["platform"].get("healthz") == "ok" else "does not keep values"
    except Exception:  # noqa: BLE001
        return "cannot be reached"


def _migrations() -> str:
    try:
        _require_head()
    except DatabaseError:
        return "cannot be read"
    except _NotYet:
        return "have not all been applied"
    return ""


def _role() -> str:
    try:
        _require_no_powers()
    except DatabaseError:
        return "cannot be judged"
    except _NotYet:
        return "has powers that a server's must not have"
    return ""


class _NotYet(Exception):
    """What is asked does not hold. An exception, since a cache keeps what is returned."""


# What these two find once is so for as long as the process lives.


@cache
def _require_head() -> None:
    if not is_at_head(connections[CATALOGUE]):
        raise _NotYet


@cache
def _require_no_powers() -> None:
    if powers_of_run_time_role():
        raise _NotYet


CHECKS = {"database": _database, "cache": _cache, "migrations": _migrations, "role": _role}
