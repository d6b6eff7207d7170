"""The client address of a request, by which anonymous requests are counted."""

from contextlib import suppress
from ipaddress import ip_address

from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.settings import api_settings

UNKNOWN = "unknown"
"""Stands for clients without a readable address, which are counted together."""


def client_address(request: HttpRequest | Request) -> str:
    """Return the client's address in normalised form, or `UNKNOWN`.

    Behind ``NUM_PROXIES`` proxies it is the entry of X-Forwarded-For that the first of them wrote.
    The entry may have a port or brackets or, by RFC 7239, be a word.
    """
    proxies = api_settings.NUM_PROXIES or 0
    given = request.META.get("REMOTE_ADDR") or ""
    if proxies and (forwarded := request.headers.get("X-Forwarded-For")):
        addresses = forwarded.split(",")
        given = addresses[-min(proxies, len(addresses))]
    return _normalised(given.strip().strip('"'))


def _normalised(text: str) -> str:
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    with suppress(ValueError):
        address = ip_address(text.partition("%")[0])
        return str(getattr(address, "ipv4_mapped", None) or address)
    return UNKNOWN
