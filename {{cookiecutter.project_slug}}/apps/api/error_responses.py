"""Error responses, ``{"detail": "…", "code": "…"}``, for middleware and error views."""

import logging
from contextlib import suppress

from django.core.signals import got_request_exception
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.template import TemplateDoesNotExist
from django.template.loader import render_to_string
from rest_framework.exceptions import APIException

from apps.api.exceptions import FailedAfterCommit
from apps.api.text import encodable

logger = logging.getLogger(__name__)

API, PAGE, DATA = "/api/", "text/html", "application/json"


def error_response(request: HttpRequest, error: APIException) -> HttpResponse:
    """Return an error as a page for browsers, and as JSON for everybody else."""
    headers = {}
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(wait)
    if not request.path_info.startswith(API) and request.get_preferred_type([PAGE, DATA]) == PAGE:
        # Without apps.pages there are no pages.
        with suppress(TemplateDoesNotExist):
            page = encodable(render_to_string("pages/error.html", {"error": error}, request))
            return attach_error(
                HttpResponse(page, status=error.status_code, headers=headers), error
            )
    if error.status_code == 401:  # noqa: PLR2004 - the status that needs this header
        headers["WWW-Authenticate"] = 'Bearer realm="api"'
    body = {"detail": encodable(str(error.detail)), "code": error.get_codes()}
    # Byte for byte as in Django REST framework, so that nothing reveals which layer answered.
    compact = {"separators": (",", ":")}
    response = JsonResponse(
        body, json_dumps_params=compact, status=error.status_code, headers=headers
    )
    return attach_error(response, error)


def failed_after_commit(request: HttpRequest, error: BaseException) -> HttpResponse:
    """Return 500 with the notice that the change was saved, and report the error.

    The type of the error does not matter: 404 or 400 would mean that nothing was saved.
    """
    logger.error("Failed after commit: %s", request.path, exc_info=error)
    got_request_exception.send(None, request=request)
    return attach_error(error_response(request, FailedAfterCommit()), error)


def attach_error[R: HttpResponseBase](response: R, error: BaseException | None) -> R:
    """Attach the error to its response, for middleware that needs the reason."""
    vars(response).update(error=error)
    return response
