"""Rate limits: of requests (``THROTTLE_RATES``), and of tries (``ACCOUNT_RATE_LIMITS``)."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from allauth.core import ratelimit
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.cache import caches
from django.http import HttpRequest
from rest_framework.exceptions import Throttled
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from apps.memberships.models import Membership

if TYPE_CHECKING:  # it imports this module
    from rest_framework.views import APIView

WAIT = 60
"""Seconds after which to try again: the time over which most limits count."""


class Throttle(SimpleRateThrottle):
    """Counts requests by the clock: those of this minute, of this hour.

    Django REST framework itself keeps the time of each request, and reads and writes the list of
    them in two steps. Here a request adds one to a number in one step, so that none is lost when
    many come at the same time, and the cost does not grow with the rate.
    """

    cache_alias = "default"
    num_requests: int
    duration: int

    def allow_request(self, request: Request, view: "APIView") -> bool:
        """Count the request; tell whether it is still within the rate."""
        who = self.get_cache_key(request, view)
        if self.rate is None or who is None:
            return True
        period, elapsed = divmod(self.timer(), self.duration)
        self.left = self.duration - elapsed
        key = f"throttle:{self.scope}:{who}:{period:.0f}"
        cache = caches[self.cache_alias]
        # Kept for longer than the period, so that it does not end between the two steps.
        cache.add(key, 0, timeout=2 * self.duration)
        count: int = cache.incr(key)
        return count <= self.num_requests

    def wait(self) -> int:
        """Return the seconds until the next period; never none, which would be no time to wait."""
        return math.ceil(self.left)


class MemberThrottle(Throttle):
    """Counts what a member asks in a tenant; in the tenant's cache, so in each by itself."""

    scope = "member"

    def get_cache_key(self, request: Request, view: "APIView") -> str | None:
        """Return the user's id."""
        return str(request.user.pk) if isinstance(request.auth, Membership) else None


class TenantThrottle(Throttle):
    """Counts what all members of a tenant ask together."""

    scope = "tenant"

    def get_cache_key(self, request: Request, view: "APIView") -> str | None:
        """Return the same for all members: the cache is the tenant's."""
        return "all" if isinstance(request.auth, Membership) else None


class InvitationThrottle(TenantThrottle):
    """Counts the mails that a tenant's members send: what views write that name this scope."""

    scope = "invitations"

    def get_cache_key(self, request: Request, view: "APIView") -> str | None:
        """Return the same for all members, and nothing for what is no such view."""
        if request.method in SAFE_METHODS or getattr(view, "throttle_scope", "") != self.scope:
            return None
        return super().get_cache_key(request, view)


class AnonymousThrottle(Throttle):
    """Counts what comes from an address without a log-in, for whichever tenant."""

    scope = "anonymous"
    cache_alias = "platform"

    def get_cache_key(self, request: Request, view: "APIView") -> str | None:
        """Return the address."""
        return None if isinstance(request.auth, Membership) else str(self.get_ident(request))


def throttle(
    request: HttpRequest, action: str, *, key: str = "", user: AbstractBaseUser | None = None
) -> None:
    """Count a try at ``action``, from this address and for this key or user; raise `Throttled`."""
    if not within_rate(request, action, key=key, user=user):
        raise Throttled(WAIT)


def within_rate(
    request: HttpRequest, action: str, *, key: str = "", user: AbstractBaseUser | None = None
) -> bool:
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
