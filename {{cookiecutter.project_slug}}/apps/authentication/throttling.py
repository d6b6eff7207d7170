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
"""Attributes of a request: it was counted, and for how many seconds it is too much."""


class Throttle(SimpleRateThrottle):
    """Counts requests by the clock: those of this minute, of this hour.

    Django REST framework itself keeps the time of each request, and reads and writes the list of
    them in two steps. Here a request adds one to a number in one step, so that none is lost when
    many come at the same time, and the cost does not grow with the rate.
    """

    num_requests: int
    duration: int

    def allow_request(self, request: Request, view: "APIView") -> bool:
        """Count the request; tell whether it is still within the rate."""
        noted = vars(getattr(request, "_request", request))
        noted[COUNTED] = True
        who = self.get_cache_key(request, view)
        if self.rate is None or who is None:
            return True
        period, elapsed = divmod(self.timer(), self.duration)
        self.left = self.duration - elapsed
        key = f"throttle:{self.scope}:{who}:{period:.0f}"
        cache = caches["counters"]
        # Kept for longer than the period, so that it does not end between the two steps.
        cache.add(key, 0, timeout=2 * self.duration)
        count: int = cache.incr(key)
        if count > self.num_requests:
            noted[WAIT] = self.wait()
            remember_refusal(request, str(self.scope), self.wait())
        return count <= self.num_requests

    def wait(self) -> int:
        """Return the seconds until the next period; never none, which would be no time to wait."""
        return math.ceil(self.left)


class MemberThrottle(Throttle):
    """Counts what a member asks in a tenant, in each by itself."""

    scope = "member"

    def get_cache_key(self, request: Request, view: "APIView") -> str | None:
        """Return the tenant's and the user's id."""
        if not isinstance(request.auth, Membership):
            return None
        return f"{request.auth.tenant_id}:{request.user.pk}"


class TenantThrottle(Throttle):
    """Counts what all members of a tenant ask together."""

    scope = "tenant"

    def get_cache_key(self, request: Request, view: "APIView") -> str | None:
        """Return the tenant's id, the same for all members."""
        return str(request.auth.tenant_id) if isinstance(request.auth, Membership) else None


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

    def get_cache_key(self, request: Request, view: "APIView") -> str | None:
        """Return the address."""
        return None if isinstance(request.auth, Membership) else client_address(request)
