"""Errors: a sentence for people, a code for programs, and nothing of the inside."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.test import Client, RequestFactory

from apps.api import error_views
from apps.isolation.testing import api_client
from tests.sample.views import ShelfViewSet

HOSTS = ["acme.localhost", "localhost"]
SHELVES = "/api/v1/sample/shelves/"


ERRORS: dict[str, tuple[int, Callable[[Any], Any]]] = {
    "not_found": (
        404,
        lambda client: client.get(f"{SHELVES}01900000-0000-7000-8000-000000000000/"),
    ),
    "method_not_allowed": (405, lambda client: client.delete(SHELVES)),
    "not_acceptable": (406, lambda client: client.get(SHELVES, headers={"Accept": "text/html"})),
    "parse_error": (
        400,
        lambda client: client.post(SHELVES, "{", content_type="application/json"),
    ),
    "unsupported_media_type": (
        415,
        lambda client: client.post(SHELVES, "name=x", content_type="text/plain"),
    ),
}


@pytest.mark.parametrize("code", ERRORS)
def test_detail_and_code(code: str, acme: Any, client_of: Callable[..., Any]) -> None:
    status, ask = ERRORS[code]
    response = ask(client_of(acme, "member"))
    assert response.status_code == status
    assert set(response.json()) == {"detail", "code"}
    assert response.json()["code"] == code


def test_no_token_and_too_little_role(acme: Any, client_of: Callable[..., Any]) -> None:
    anonymous = api_client(acme).get(SHELVES)
    assert anonymous.json() == {
        "detail": "Authentication credentials were not provided.",
        "code": "not_authenticated",
    }
    assert client_of(acme, "viewer").post(SHELVES, {"name": "x"}).json() == {
        "detail": "You do not have permission to perform this action.",
        "code": "permission_denied",
    }


def test_field_errors_name_the_field(acme: Any, client_of: Callable[..., Any]) -> None:
    response = client_of(acme, "member").post(SHELVES, {})
    assert response.json() == {"name": ["This field is required."]}


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("path", ["/api/v1/nothing/", "/api/nothing", f"{SHELVES}a/b/"])
def test_an_unknown_path_of_the_api(path: str, host: str, acme: Any) -> None:
    response = Client(headers={"Host": host}).get(path)
    assert response.status_code == 404
    assert response.json() == {"detail": "Not found.", "code": "not_found"}


UNEXPECTED: dict[type[Exception], tuple[int, dict[str, str]]] = {
    ZeroDivisionError: (500, {"detail": "A server error occurred.", "code": "error"}),
    SuspiciousOperation: (400, {"detail": "Bad request.", "code": "bad_request"}),
}


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("error", UNEXPECTED)
def test_an_error_that_nobody_expected(
    error: type[Exception],
    host: str,
    acme: Any,
    client_of: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*arguments: object) -> None:
        raise error("inside")

    monkeypatch.setattr(ShelfViewSet, "list", fail)
    client = client_of(acme, "member")
    client.raise_request_exception = False
    client.defaults["HTTP_HOST"] = host
    response = client.get(SHELVES)
    assert (response.status_code, response.json()) == UNEXPECTED[error]


def test_a_permission_that_django_itself_denies(rf: RequestFactory) -> None:
    response = error_views.permission_denied(rf.get(SHELVES), PermissionDenied("inside"))
    assert response.status_code == 403
    assert json.loads(response.content) == {
        "detail": "You do not have permission to perform this action.",
        "code": "permission_denied",
    }


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("path", ["/nothing/", "/healthz/nothing", "/apis/"])
def test_elsewhere_errors_are_pages(path: str, host: str, acme: Any) -> None:
    response = Client(headers={"Host": host}).get(path)
    assert response.status_code == 404
    assert response.headers["Content-Type"].startswith("text/html")
