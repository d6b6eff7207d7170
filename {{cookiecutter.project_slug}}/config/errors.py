"""Errors of the API: ``{"detail": "…", "code": "…"}``, or field errors as DRF gives them."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from rest_framework import exceptions, views
from rest_framework.response import Response

API = "/api/"


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Answer like Django REST framework does, and add the stable machine code."""
    if isinstance(exc, Http404):
        exc = exceptions.NotFound()
    elif isinstance(exc, PermissionDenied):
        exc = exceptions.PermissionDenied()
    response = views.exception_handler(exc, context)
    if response is not None and isinstance(exc, exceptions.APIException):
        _add_code(response, exc)
    return response


def _add_code(response: Response, exc: exceptions.APIException) -> None:
    code = exc.get_codes()
    if isinstance(response.data, dict) and isinstance(code, str):
        response.data["code"] = code


# What no view of the API answered. Django calls these by the names they get in config.urls.


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what Django itself finds suspicious."""
    if _is_of_api(request):
        return _json(exceptions.ParseError("Bad request.", "bad_request"))
    return defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what Django itself refuses."""
    if _is_of_api(request):
        return _json(exceptions.PermissionDenied())
    return defaults.permission_denied(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer on a path that there is not."""
    if _is_of_api(request):
        return _json(exceptions.NotFound())
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer after an error that nobody expected."""
    if _is_of_api(request):
        return _json(exceptions.APIException())
    return defaults.server_error(request)


def _is_of_api(request: HttpRequest) -> bool:
    return request.path_info.startswith(API)


def _json(error: exceptions.APIException) -> JsonResponse:
    body = {"detail": str(error.detail), "code": error.get_codes()}
    return JsonResponse(body, status=error.status_code)
