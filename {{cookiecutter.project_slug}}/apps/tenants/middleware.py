"""The time zone and locale of a request: the product's own, or those of its tenant."""

from contextlib import suppress
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone, translation
from django.utils.decorators import sync_and_async_middleware

from apps.observability.request_id import GetResponse
from apps.tenants.models import Tenant
from apps.tenants.settings import LOCALE, TIMEZONE, TenantSettings


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
