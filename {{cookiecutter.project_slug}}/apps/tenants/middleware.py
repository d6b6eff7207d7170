"""Middleware for a tenant's time zone and locale, and for HSTS on customers' domains."""

from contextlib import suppress
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone, translation
from django.utils.decorators import sync_and_async_middleware
from django.utils.deprecation import MiddlewareMixin

from apps.observability.request_id import GetResponse
from apps.tenants.exceptions import TenantNotFound
from apps.tenants.hosts import is_platforms
from apps.tenants.models import Tenant
from apps.tenants.resolver import host_of
from apps.tenants.settings import LOCALE, TIMEZONE, TenantSettings


class CustomerHostMiddleware(MiddlewareMixin):
    """Sends HSTS for a customer's own name alone: names below it belong to the customer.

    ``SecurityMiddleware``, which wraps this one, sends it for all names below the platform's own,
    and keeps an existing header. https://www.rfc-editor.org/rfc/rfc6797
    """

    def process_response[R: HttpResponseBase](self, request: HttpRequest, response: R) -> R:
        """Set the header unless the host is the platform's."""
        seconds = settings.SECURE_HSTS_SECONDS
        if seconds and request.is_secure() and not _is_platforms(request):
            response.headers.setdefault("Strict-Transport-Security", f"max-age={seconds}")
        return response


def _is_platforms(request: HttpRequest) -> bool:
    try:
        return is_platforms(host_of(request))
    except (DisallowedHost, TenantNotFound):
        return False


@sync_and_async_middleware
def locale_middleware(get_response: GetResponse) -> GetResponse:
    """Begin and end each request with the product's own time zone and locale."""
    if iscoroutinefunction(get_response):

        async def middleware_async(request: HttpRequest) -> HttpResponseBase:
            with timezone.override(None), translation.override(settings.LANGUAGE_CODE, True):
                response: HttpResponseBase = await get_response(request)
                return response

        return middleware_async

    def middleware(request: HttpRequest) -> HttpResponseBase:
        with timezone.override(None), translation.override(settings.LANGUAGE_CODE, True):
            response: HttpResponseBase = get_response(request)
            return response

    return middleware


def activate_locale(tenant: Tenant) -> None:
    """Use the tenant's time zone and locale for the rest of the request."""
    values = TenantSettings(tenant)
    # The server's list of time zones may have changed since the name was stored.
    with suppress(ZoneInfoNotFoundError):
        timezone.activate(ZoneInfo(values.get(TIMEZONE)))
    translation.activate(values.get(LOCALE))
