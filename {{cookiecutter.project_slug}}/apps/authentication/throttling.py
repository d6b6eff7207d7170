"""How often one may try: allauth's rate limits, by ``ACCOUNT_RATE_LIMITS``."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from allauth.core import ratelimit
from django.core.cache import caches
from django.http import HttpRequest
from rest_framework.exceptions import Throttled

WAIT = 60
"""Seconds after which to try again: the time over which most limits count."""


def throttle(request: HttpRequest, action: str, *, key: str = "", user: Any = None) -> None:
    """Count a try at ``action``, from this address and for this key or user; raise `Throttled`."""
    if not within_rate(request, action, key=key, user=user):
        raise Throttled(WAIT)


def within_rate(request: HttpRequest, action: str, *, key: str = "", user: Any = None) -> bool:
    """Count an ``action``, from this address and for this key or user; tell if it is allowed."""
    with _counting_for_the_platform():
        return bool(ratelimit.consume(request, action=action, key=key, user=user))


@contextmanager
def _counting_for_the_platform() -> Iterator[None]:
    """Let allauth, which counts in the default cache only, count in that of the platform.

    The default cache is a tenant's: whoever guesses passwords would start anew on every host.
    ``caches`` holds a cache for each thread, so no other request is affected.
    """
    of_tenant, caches["default"] = caches["default"], caches["platform"]
    try:
        yield
    finally:
        caches["default"] = of_tenant
