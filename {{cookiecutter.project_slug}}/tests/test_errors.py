"""Error responses: a sentence, a code, and no internal details."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import IntegrityError, transaction
from django.http import Http404, HttpResponse
from django.test import Client, RequestFactory
from rest_framework import exceptions

from apps.api import error_views
from apps.authentication.middleware import StrictAccessMiddleware
from apps.isolation.app_registry import SHARED_DB
from apps.isolation.integrations.transactions import is_after_commit
from apps.isolation.postgresql.on_commit import AFTER_COMMIT
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


def test_missing_token_and_insufficient_role(acme: Any, client_of: Callable[..., Any]) -> None:
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
def test_unknown_path_of_the_api(path: str, host: str, acme: Any) -> None:
    response = Client(headers={"Host": host}).get(path)
    assert response.status_code == 404
    assert response.json() == {"detail": "Not found.", "code": "not_found"}


UNEXPECTED: dict[type[Exception], tuple[int, dict[str, str]]] = {
    ZeroDivisionError: (500, {"detail": "A server error occurred.", "code": "error"}),
    SuspiciousOperation: (400, {"detail": "Bad request.", "code": "bad_request"}),
}


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("error", UNEXPECTED)
def test_unexpected_error(
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


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "error",
    [
        *(OSError, IntegrityError, Http404, PermissionDenied, SuspiciousOperation),
        *(exceptions.ValidationError, exceptions.NotFound, exceptions.Throttled),
    ],
)
def test_failure_after_commit_is_reported_as_such(
    error: type[Exception],
    acme: Any,
    client_of: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail() -> None:
        raise error

    @transaction.atomic
    def create(self: Any, serializer: Any) -> None:
        transaction.on_commit(fail)
        serializer.save()

    monkeypatch.setattr(ShelfViewSet, "perform_create", create)
    client = client_of(acme, "member")
    client.raise_request_exception = False
    response = client.post(SHELVES, {"name": "one"})
    assert (response.status_code, response.json()["code"]) == (500, "failed_after_commit")
    assert "Failed after commit: /api/v1/sample/shelves/" in caplog.text
    assert [row["name"] for row in client.get(SHELVES).json()["results"]] == ["one"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("alias", sorted({"default", SHARED_DB}))
def test_is_after_commit(alias: str) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as after, transaction.atomic(using=alias):
        transaction.on_commit(fail, using=alias)
    with pytest.raises(ZeroDivisionError) as before, transaction.atomic(using=alias):
        fail()
    assert (is_after_commit(after.value), is_after_commit(before.value)) == (True, False)
    caused = ValueError()
    caused.__cause__ = after.value
    assert is_after_commit(caused)


def test_page_reports_a_failure_after_commit(acme: Any, rf: RequestFactory) -> None:
    error = exceptions.NotFound()
    error.add_note(AFTER_COMMIT)
    request = rf.post("/members/", headers={"Accept": "text/html"})
    middleware = StrictAccessMiddleware(lambda request: HttpResponse())
    page: Any = middleware.process_exception(request, error)
    assert page.status_code == 500
    assert b"Do not send the request again." in page.content


def test_permission_denied_by_django(rf: RequestFactory) -> None:
    response = error_views.permission_denied(rf.get(SHELVES), PermissionDenied("inside"))
    assert response.status_code == 403
    assert json.loads(response.content) == {
        "detail": "You do not have permission to perform this action.",
        "code": "permission_denied",
    }


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("path", ["/nothing/", "/healthz/nothing", "/apis/"])
def test_errors_outside_of_the_api_are_pages(path: str, host: str, acme: Any) -> None:
    response = Client(headers={"Host": host}).get(path)
    assert response.status_code == 404
    assert response.headers["Content-Type"].startswith("text/html")
