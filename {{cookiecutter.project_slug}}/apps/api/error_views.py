"""Error views for requests that no view answers; ``config.urls`` names them."""

import sys

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from rest_framework import exceptions

from apps.api.database_limits import as_api_error
from apps.api.error_responses import attach_error, error_response
from apps.api.exceptions import RequestTooLarge


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request that Django considers suspicious."""
    if isinstance(exception, RequestDataTooBig):
        return error_response(request, RequestTooLarge(settings.DATA_UPLOAD_MAX_MEMORY_SIZE))
    return error_response(request, exceptions.ParseError("Bad request.", "bad_request"))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request that Django refuses."""
    return attach_error(error_response(request, exceptions.PermissionDenied()), exception)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form without a valid CSRF token (``CSRF_FAILURE_VIEW``)."""
    message = (
        "This form has expired or came from another site. Open the page again and resubmit it."
    )
    return error_response(request, exceptions.PermissionDenied(message, "csrf_failed"))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a path without a route."""
    return error_response(request, exceptions.NotFound())


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer an unexpected exception while it is being handled."""
    error = sys.exception()
    answer = as_api_error(error) or exceptions.APIException()
    return attach_error(error_response(request, answer), error)
