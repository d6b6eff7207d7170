"""Errors of the API: ``{"detail": "…", "code": "…"}``, or field errors as DRF gives them."""

import sys
from typing import Any

from django.core.exceptions import DisallowedHost, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions, views
from rest_framework.response import Response

from apps.authentication.access import is_served
from apps.authentication.refusals import because, refusal
from apps.tenants.exceptions import TenantNotFound, TenantSuspended


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Answer like Django REST framework does, and add the stable machine code."""
    reason = exc
    if not context["view"].authentication_classes or isinstance(exc, exceptions.NotAcceptable):
        exc = _or_hidden(exc)
    if isinstance(exc, TenantNotFound):
        context["view"].headers = {}  # which methods there are tells that there is a view
    if isinstance(exc, Http404):
        exc = exceptions.NotFound()
    elif isinstance(exc, PermissionDenied):
        exc = exceptions.PermissionDenied()
    response = views.exception_handler(exc, context)
    if response is not None and isinstance(exc, exceptions.APIException):
        _add_code(response, exc)
        because(response, reason)
    return response


def _or_hidden[E: Exception](error: E) -> E | TenantNotFound:
    """Return the error; before anybody is let in, a tenant that is not served is not there."""
    # That it is suspended is told to members only.
    return error if isinstance(error, TenantSuspended) or is_served() else TenantNotFound()


def _add_code(response: Response, exc: exceptions.APIException) -> None:
    code = exc.get_codes()
    if isinstance(response.data, dict) and isinstance(code, str):
        response.data["code"] = code


# What no view answered. Django calls these by the names they get in config.urls.


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what Django itself finds suspicious; what can be no host's name is as any unknown."""
    if isinstance(exception, DisallowedHost):
        return refusal(request, TenantNotFound())
    return refusal(request, _or_hidden(exceptions.ParseError("Bad request.", "bad_request")))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what Django itself refuses."""
    return because(refusal(request, exceptions.PermissionDenied()), exception)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer to a form that was not filled in here (``CSRF_FAILURE_VIEW``)."""
    message = "This form was not sent from this page. Open the page again, and send it from there."
    return refusal(request, _or_hidden(exceptions.PermissionDenied(message, "csrf_failed")))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer on a path that there is not."""
    return refusal(request, _or_hidden(exceptions.NotFound()))


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer after an error that nobody expected, while it is being handled."""
    return because(refusal(request, exceptions.APIException()), sys.exception())
