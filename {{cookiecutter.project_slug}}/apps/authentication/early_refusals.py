"""Refuses throttled clients until the period of their rate ends, without using the database.

Counting a request needs user and membership, and therefore the database. Each refused request of
a flood would use it, and others would wait. So a process remembers refused clients, by their token
or, without one, by their address.
"""

from hashlib import sha256
from time import time

from django.core.cache import caches
from django.http import HttpRequest
from rest_framework.exceptions import Throttled
from rest_framework.request import Request

from apps.api.error_responses import API
from apps.authentication.client_address import client_address
from apps.isolation import ActiveTenant

SCOPES = {"member", "tenant", "anonymous"}
"""Rates of all requests of a client. Other rates cover some routes only."""


class StillThrottled(Throttled):
    """The sender of the request was refused before, in the same period.

    The first refusal is counted and logged; those that follow cost neither.
    """


def remember_refusal(request: Request | HttpRequest, scope: str, seconds: int) -> None:
    """Refuse this request's sender for some seconds, if the rate covers all their requests."""
    tenant = getattr(request, "tenant", None)
    if scope in SCOPES and (sender := _sender(request, tenant)):
        caches["throttled"].set(sender, time() + seconds, timeout=seconds)


def refuse_again(request: HttpRequest, tenant: ActiveTenant | None) -> None:
    """Raise `StillThrottled` if the request's sender is still refused."""
    sender = _sender(request, tenant)
    until = caches["throttled"].get(sender) if sender else None
    if until:
        raise StillThrottled(max(1, int(until - time())))


def _sender(request: Request | HttpRequest, tenant: ActiveTenant | None) -> str:
    """Return a key for the sender of an API request; none for browsers, which have sessions."""
    if not request.path_info.startswith(API):
        return ""
    token = request.headers.get("Authorization", "")
    sender = token or f"address {client_address(request)}"
    return sha256(f"{tenant and tenant.id} {sender}".encode()).hexdigest()
