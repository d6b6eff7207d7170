"""Rate limits of requests (``THROTTLE_RATES``)."""

import math
from typing import TYPE_CHECKING

from django.core.cache import caches
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from apps.authentication.client_address import client_address
from apps.authentication.early_refusals import remember_refusal
from apps.memberships.models import Membership

if TYPE_CHECKING:  # it imports this module
    from rest_framework.views import APIView

COUNTED = "is_counted"
WAIT = "throttled_for"
"""Attributes of a request: it was counted, and the seconds until a retry."""


class Throttle(SimpleRateThrottle):
    """Counts requests in fixed periods, such as this minute or this hour.

    Django REST framework stores the time of each request, and reads and writes this list in two
    steps. Here a request increments a counter atomically, so that no concurrent request is lost,
    and the cost does not grow with the rate.
    """

    num_requests: int
    duration: int

    def allow_request(self, request: Request, view: "APIView") -> bool:
        """Count the request; return whether it is within the rate."""
        noted = vars(getattr(request, "_request", request))
        noted[COUNTED] = True
        who = self.get_cache_key(request, view)
        if self.rate is None or who is None:
            return True
        period, elapsed = divmod(self.timer(), self.duration)
        self.left = self.duration - elapsed
        key = f"throttle:{self.scope}:{who}:{period:.0f}"
        cache = caches["counters"]
        # Kept for longer than the period, so that it does not expire between the two steps.
        cache.add(key, 0, timeout=2 * self.duration)
        count: int = cache.incr(key)
        if count > self.num_requests:
            noted[WAIT] = self.wait()
            remember_refusal(request, str(self.scope), self.wait())
        return count <= self.num_requests

    def wait(self) -> int:
        """Return the seconds until the next period, at least one."""
        return math.ceil(self.left)


class MemberThrottle(Throttle):
    """Counts a member's requests, in each tenant separately."""

    scope = "member"

    def get_cache_key(self, request: Request, view: "APIView") -> str | None:
        """Return the tenant's and the user's id."""
        if not isinstance(request.auth, Membership):
            return None
        return f"{request.auth.tenant_id}:{request.user.pk}"


class TenantThrottle(Throttle):
    """Counts the requests of all members of a tenant together."""

    scope = "tenant"

    def get_cache_key(self, request: Request, view: "APIView") -> str | None:
        """Return the tenant's id, the same for all members."""
        return str(request.auth.tenant_id) if isinstance(request.auth, Membership) else None


class InvitationThrottle(TenantThrottle):
    """Counts the mails that a tenant's members send: writing requests of views with this scope."""

    scope = "invitations"

    def get_cache_key(self, request: Request, view: "APIView") -> str | None:
        """Return the same key for all members, and None for other views."""
        if request.method in SAFE_METHODS or getattr(view, "throttle_scope", "") != self.scope:
            return None
        return super().get_cache_key(request, view)


class AnonymousThrottle(Throttle):
    """Counts requests of an address without a log-in, for all tenants."""

    scope = "anonymous"

    def get_cache_key(self, request: Request, view: "APIView") -> str | None:
        """Return the address."""
        return None if isinstance(request.auth, Membership) else client_address(request)
