"""Answers exceptions of the API's views (``EXCEPTION_HANDLER``)."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponseBase
from rest_framework import exceptions, views
from rest_framework.response import Response

from apps.api.error_responses import attach_error, failed_after_commit
from apps.isolation.integrations.transactions import is_after_commit


def exception_handler(exc: Exception, context: dict[str, Any]) -> HttpResponseBase | None:
    """Answer as Django REST framework does, and add the stable error code."""
    if is_after_commit(exc):
        return failed_after_commit(context["request"]._request, exc)  # noqa: SLF001 - Django's own
    reason = exc
    if isinstance(exc, Http404):
        exc = exceptions.NotFound()
    elif isinstance(exc, PermissionDenied):
        exc = exceptions.PermissionDenied()
    response = views.exception_handler(exc, context)
    if response is not None and isinstance(exc, exceptions.APIException):
        _add_code(response, exc)
        attach_error(response, reason)
    return response


def _add_code(response: Response, exc: exceptions.APIException) -> None:
    code = exc.get_codes()
    if isinstance(response.data, dict) and isinstance(code, str):
        response.data["code"] = code
