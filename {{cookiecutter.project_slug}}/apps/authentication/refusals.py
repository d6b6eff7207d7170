"""What is answered where a request ends before, or instead of, a view of the API."""

from contextlib import suppress
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.template import TemplateDoesNotExist
from django.template.loader import render_to_string
from rest_framework.exceptions import APIException

API, PAGE, DATA = "/api/", "text/html", "application/json"


def refusal(request: HttpRequest, error: APIException) -> HttpResponse:
    """Return an error as a page to whom pages are for, and as the API has it to all others."""
    headers = {}
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(wait)
    if not request.path_info.startswith(API) and request.get_preferred_type([PAGE, DATA]) == PAGE:
        # Without apps.pages there are no pages.
        with suppress(TemplateDoesNotExist):
            page = render_to_string("pages/error.html", {"error": error})
            return because(HttpResponse(page, status=error.status_code, headers=headers), error)
    if error.status_code == 401:  # noqa: PLR2004 - the status that needs this header
        headers["WWW-Authenticate"] = 'Bearer realm="api"'
    body = {"detail": str(error.detail), "code": error.get_codes()}
    # To the letter as Django REST framework writes it: nothing tells where a request ended.
    written: Any = {"json_dumps_params": {"separators": (",", ":")}, "headers": headers}
    return because(JsonResponse(body, status=error.status_code, **written), error)


def because[R: HttpResponseBase](response: R, error: BaseException | None) -> R:
    """Leave the error with its answer, for what counts answers by their reason."""
    vars(response).update(refused_by=error)
    return response
