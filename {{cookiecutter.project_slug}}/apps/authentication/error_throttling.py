"""Counts requests that no API view counts: those of pages, and those refused earlier."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from django.http import HttpRequest, HttpResponseBase
from django.utils.deprecation import MiddlewareMixin
from rest_framework import status
from rest_framework.exceptions import Throttled
from rest_framework.views import APIView

from apps.api.error_responses import attach_error, error_response
from apps.authentication.early_refusals import StillThrottled
from apps.authentication.throttling import COUNTED, WAIT
from apps.isolation.context import activate_tenant

if TYPE_CHECKING:
    from rest_framework.request import Request


class ErrorThrottleMiddleware(MiddlewareMixin):
    """Counts requests refused before a view could count them, and answers 429 above the rate.

    The reason of the refusal (host, token, role or route) does not matter: the request counts for
    the member, or else for the address, and therefore does not reveal which tenants exist.
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """Replace the response of a request above the rate."""
        if not status.is_client_error(response.status_code):
            return response
        if isinstance(getattr(response, "error", None), StillThrottled):
            vars(response)["_has_been_logged"] = True  # to Django, which would write a line
            return response
        if COUNTED not in vars(request):
            _count_refused(request)
        wait = vars(request).get(WAIT)
        if wait is None or response.status_code == status.HTTP_429_TOO_MANY_REQUESTS:
            return response
        answer = error_response(request, Throttled(wait))
        for name in ("Vary", "Cache-Control"):
            if name in response.headers:
                answer.headers[name] = response.headers[name]
        return attach_error(answer, getattr(response, "error", None))


def count_request(request: HttpRequest, view: Any = None) -> None:
    """Count a request outside the API by the same rates; raise `Throttled` above them."""
    waits = [
        throttle.wait()
        for throttle in APIView().get_throttles()
        if not throttle.allow_request(cast("Request", request), view)
    ]
    if waits:
        raise Throttled(waits[0])


def _count_refused(request: HttpRequest) -> None:
    vars(request).setdefault("auth", None)
    with activate_tenant(getattr(request, "tenant", None)), suppress(Throttled):
        count_request(request)
