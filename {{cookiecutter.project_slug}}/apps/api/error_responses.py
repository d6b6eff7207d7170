"""Error responses: ``{"detail": "…", "code": "…"}``, for whatever answers in a view's place."""

from contextlib import suppress
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.template import TemplateDoesNotExist
from django.template.loader import render_to_string
from rest_framework.exceptions import APIException

API, PAGE, DATA = "/api/", "text/html", "application/json"


def error_response(request: HttpRequest, error: APIException) -> HttpResponse:
    """Return an error as a page for browsers, and as JSON for everybody else."""
    headers = {}
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(wait)
    if not request.path_info.startswith(API) and request.get_preferred_type([PAGE, DATA]) == PAGE:
        # Without apps.pages there are no pages.
        with suppress(TemplateDoesNotExist):
            page = render_to_string("pages/error.html", {"error": error})
            return attach_error(
                HttpResponse(page, status=error.status_code, headers=headers), error
            )
    if error.status_code == 401:  # noqa: PLR2004 - the status that needs this header
        headers["WWW-Authenticate"] = 'Bearer realm="api"'
    body = {"detail": str(error.detail), "code": error.get_codes()}
    # To the letter as Django REST framework writes it: nothing tells where a request ended.
    written: Any = {"json_dumps_params": {"separators": (",", ":")}, "headers": headers}
    return attach_error(JsonResponse(body, status=error.status_code, **written), error)


def attach_error[R: HttpResponseBase](response: R, error: BaseException | None) -> R:
    """Keep the error with its response, for the middleware that looks at why it was sent."""
    vars(response).update(error=error)
    return response
