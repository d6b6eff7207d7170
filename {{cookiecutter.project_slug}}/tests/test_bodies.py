"""Request bodies: texts, charsets, chunks and sizes."""

import json
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from django.core.exceptions import RequestDataTooBig
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse
from django.test import Client, RequestFactory
from rest_framework import exceptions
from rest_framework.mixins import CreateModelMixin

from apps.api import error_views
from apps.api import requests as made
from apps.api.downloads import download
from apps.api.error_responses import error_response
from apps.api.middleware import RequestBodyMiddleware
from apps.api.renderers import JSONRenderer
from apps.isolation import tenant_context
from tests.sample.models import Book, Shelf
from tests.sample.views import ShelfViewSet
from tests.support import run

ME, MEMBERS, SHELVES = "/api/v1/me/", "/api/v1/members/", "/api/v1/sample/shelves/"
BOOKS, TENANT = "/api/v1/sample/books/", "/api/v1/tenant/"
JSON = "application/json"
HALVES = ["\\ud800", "\\udfff", "a\\udc00b", "\\udc00\\ud800", "\\u0000"]


@pytest.fixture
def owner(acme: Any, client_of: Callable[..., Any]) -> Any:
    return client_of(acme, "owner")


def _send(client: Any, path: str, body: str | bytes, method: str = "POST", **options: Any) -> Any:
    return client.generic(method, path, body, options.pop("content_type", JSON), **options)


# Texts


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize(
    ("route", "body", "field"),
    [
        (("POST", SHELVES), '{"name": "%s"}', "name"),
        (("POST", SHELVES), '{"name": "x", "status": "%s"}', "status"),
        (("POST", SHELVES), '{"name": "x", "%s": 1}', None),
        (("POST", SHELVES), '{"name": "x", "unknown": [{"a": {"%s": [1]}}]}', "unknown"),
        (("POST", BOOKS), '{"title": "x", "shelf": "%s"}', "shelf"),
        (("POST", BOOKS), '{"title": "x", "due_on": "%s"}', "due_on"),
        (("POST", BOOKS), '{"title": "x", "reader": {"pk": "%s"}}', "reader"),
        (("POST", "/api/v1/invitations/"), '{"email": "a@b.test", "role": "%s"}', "role"),
        (("POST", "/api/v1/tenant/transfer-ownership/"), '{"member": "%s"}', "member"),
        (("POST", "/api/v1/auth/token/"), '{"email": "%s", "password": "x"}', "email"),
        (("POST", "/api/v1/privacy-requests/"), '{"kind": "%s"}', "kind"),
        (("PATCH", ME), '{"full_name": "%s"}', "full_name"),
        (("PATCH", TENANT), '{"settings": {"%s": 1}}', "settings"),
        (("PATCH", TENANT), '{"settings": {"locale": "%s"}}', "settings"),
        (("PATCH", TENANT), '{"settings": "%s"}', "settings"),
        (("POST", SHELVES), '["%s"]', "detail"),
        (("POST", SHELVES), '"%s"', "detail"),
    ],
)
def test_unstorable_text_is_a_bad_request(
    route: tuple[str, str], body: str, field: str | None, half: str, owner: Any
) -> None:
    method, path = route
    response = _send(owner, path, body % half, method)
    assert response.status_code == 400
    assert len(answer := json.loads(response.content.decode())) > 0
    assert field is None or field in answer


def test_surrogate_pair_and_literal_escape_are_accepted(owner: Any) -> None:
    for name in ("\\ud83d\\udc22", "\\\\ud800", "\\\\u0000", "\U0001f40a"):
        assert _send(owner, SHELVES, f'{{"name": "{name}"}}').status_code == 201


BROKEN: dict[str, Any] = {"a\ud800": ["\udfff", {"\udc00": ("x", 1, None)}], "b": "🐢"}
SHOWN = {"a\ufffd": ["\ufffd", {"\ufffd": ["x", 1, None]}], "b": "🐢"}


def test_any_text_can_be_rendered() -> None:
    assert json.loads(JSONRenderer().render(BROKEN).decode()) == SHOWN


def test_error_may_quote_any_text(owner: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise exceptions.ValidationError(BROKEN)

    monkeypatch.setattr(ShelfViewSet, "list", fail)
    response = owner.get(SHELVES)
    assert response.status_code == 400
    assert list(response.json()) == list(SHOWN)


@pytest.mark.parametrize("accept", ["text/html", JSON])
def test_error_outside_of_the_api_may_quote_any_text(accept: str, rf: RequestFactory) -> None:
    request = rf.get("/nothing/", headers={"Accept": accept})
    response = error_response(request, exceptions.ParseError("<\ud800>"))
    assert response.status_code == 400
    assert "\ufffd" in response.content.decode().replace("\\ufffd", "\ufffd")


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a\r\nSet-Cookie: b.txt", 'attachment; filename="aSet-Cookie: b.txt"'),
        ("\ud800.txt", 'attachment; filename=".txt"'),
        ("\0\n", 'attachment; filename="file"'),
        ("é.txt", "attachment; filename*=utf-8''%C3%A9.txt"),
    ],
)
def test_file_may_have_any_name(name: str, header: str) -> None:
    assert download(BytesIO(), name, "text/plain")["Content-Disposition"] == header


@pytest.mark.parametrize("url", ["a\nb", "\ud800", "https://example.com/", "é"])
def test_field_named_url_sets_no_location_header(url: str) -> None:
    """By default, Django REST framework would copy its text into a header."""
    assert CreateModelMixin().get_success_headers({"url": url}) == {}


def test_log_line_may_quote_any_text() -> None:
    script = (
        "import django; django.setup(); import logging; logging.getLogger('x').error('a\\ud800')"
    )
    done = run("-c", script, DJANGO_SETTINGS_MODULE="config.settings.test")
    assert (done.returncode, "Logging error" in done.stderr) == (0, False)
    assert "x: a" in done.stderr


@pytest.mark.parametrize("charset", ["utf-7", "UTF-16", "unicode_escape", "latin-1", "x"])
def test_charsets_other_than_utf8_are_refused(charset: str, owner: Any) -> None:
    """Some can encode half a surrogate pair, and Django decodes the query string by them."""
    for method, path in (("POST", SHELVES), ("GET", f"{SHELVES}?status=%2B2AA-&search=%2B2AA-")):
        response = _send(owner, path, "{}", method, content_type=f"{JSON}; charset={charset}")
        assert response.status_code == 415
        assert response.json() == {
            "detail": "Send the body in UTF-8.",
            "code": "unsupported_media_type",
        }


@pytest.mark.parametrize("kind", [made.WSGIRequest, made.ASGIRequest])
@pytest.mark.parametrize(
    "content_type", [f"{JSON}; charset=bz2", f"{JSON}; charset=rot13", f"x/y; a={'b' * 99_999}"]
)
def test_unreadable_content_type_is_refused(
    content_type: str, kind: type[Any], rf: RequestFactory
) -> None:
    """It raises when the request is created, before any middleware."""
    given = {**rf.get("/?a=%C3").META, "CONTENT_TYPE": content_type}
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"a=%C3"}
    scope |= {"headers": [(b"content-type", content_type.encode())]}
    arguments = (given,) if kind is made.WSGIRequest else (scope, BytesIO())
    answer: Any = RequestBodyMiddleware(lambda request: HttpResponse())(kind(*arguments))
    assert answer.status_code == 415


@pytest.mark.parametrize("application", ["wsgi", "asgi"])
def test_servers_use_tolerant_request_classes(application: str) -> None:
    ask = f"from config.{application} import application as a; print(a.request_class.__module__)"
    assert (
        run("-c", ask, DJANGO_SETTINGS_MODULE="config.settings.test").stdout == f"{made.__name__}\n"
    )


@pytest.mark.parametrize("charset", ["utf-8", "UTF8", "us-ascii", '"utf-8"'])
def test_names_of_utf8(charset: str, owner: Any) -> None:
    content_type = f"{JSON}; charset={charset}"
    assert _send(owner, SHELVES, '{"name": "x"}', content_type=content_type).status_code == 201


# Bodies in chunks


def _chunked(
    client: Any, method: str, path: str, body: bytes, kind: str = JSON, **more: Any
) -> Any:
    """Send a body as gunicorn passes a chunked one: with no length, but with a known end."""
    given = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked", **more}
    given = {"wsgi.input": BytesIO(body), "CONTENT_TYPE": kind, **given}
    return client.generic(method, path, b"", kind, **given)


@pytest.fixture
def book(acme: Any) -> Book:
    with tenant_context(acme):
        return Book.objects.create(shelf=Shelf.objects.create(name="one"), title="one")


@pytest.mark.parametrize("size", [0, 70_000])
def test_chunked_body_is_read(size: int, owner: Any, book: Book) -> None:
    filler = b" " * size
    response = _chunked(owner, "PATCH", ME, filler + b'{"full_name": "New Name"}')
    assert (response.status_code, response.json()["user"]["full_name"]) == (200, "New Name")
    assert _chunked(owner, "POST", SHELVES, filler + b'{"name": "x"}').status_code == 201
    path = f"{BOOKS}{book.pk}/"
    assert _chunked(owner, "PATCH", path, b'{"title": "y"}').json()["title"] == "y"
    assert _chunked(owner, "DELETE", path, b"").status_code == 204


def test_chunked_upload_is_read(owner: Any, book: Book) -> None:
    body = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n'
        b"Content-Type: text/plain\r\n\r\nhello\r\n--x--\r\n"
    )
    kind = "multipart/form-data; boundary=x"
    response = _chunked(owner, "POST", f"{BOOKS}{book.pk}/scans/", body, kind)
    assert (response.status_code, response.json()["name"]) == (201, "a.txt")


def test_chunked_form_is_read(acme: Any) -> None:
    kind = "application/x-www-form-urlencoded"
    client = Client(headers={"Host": "acme.localhost"})
    page = _chunked(client, "POST", "/login/", b"email=nobody%40acme.test&password=x", kind)
    assert (page.status_code, b"nobody@acme.test" in page.content) == (400, True)


@pytest.mark.parametrize(
    "more",
    [
        {"wsgi.input_terminated": False},
        {"wsgi.input_terminated": False, "CONTENT_LENGTH": ""},
        {"CONTENT_LENGTH": "-1"},
        {"CONTENT_LENGTH": "x"},
    ],
)
def test_body_without_a_known_end_is_refused(more: dict[str, Any], owner: Any) -> None:
    response = _chunked(owner, "PATCH", ME, b'{"full_name": "x"}', **more)
    assert (response.status_code, response.json()["code"]) == (411, "length_required")


def test_chunked_body_under_asgi(rf: RequestFactory) -> None:
    scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "query_string": b""}
    request = ASGIRequest(scope, BytesIO(b"{}"))
    RequestBodyMiddleware(lambda request: HttpResponse())(request)
    assert (request.META["CONTENT_LENGTH"], request.read()) == ("2", b"{}")


# Sizes


@pytest.fixture
def small(settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    settings.REQUEST_MAX_BYTES = 5000


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("send", [_send, _chunked])
@pytest.mark.parametrize(
    ("content_type", "limit"),
    [
        (JSON, 1000),
        ("application/x-www-form-urlencoded", 1000),
        ("text/plain", 1000),
        ("multipart/form-data; boundary=x", 5000),
    ],
)
@pytest.mark.parametrize("path", [SHELVES, "/api/v1/auth/token/", "/login/"])
def test_too_large_body_is_refused_with_the_limit(
    path: str, content_type: str, limit: int, send: Any, owner: Any
) -> None:
    def answer(size: int) -> Any:
        if send is _send:
            return _send(owner, path, b" " * size, content_type=content_type)
        return _chunked(owner, "POST", path, b" " * size, content_type)

    assert answer(limit).status_code not in {411, 413, 500}
    response = answer(limit + 1)
    assert response.status_code == 413
    assert ("1000" if limit < 1024 else "4.9") in response.content.decode()
    if path != "/login/":
        assert response.json()["code"] == "request_too_large"


@pytest.mark.usefixtures("small")
def test_too_large_chunked_body_is_refused(owner: Any) -> None:
    class Endless(BytesIO):
        count = 0

        def read(self, size: int | None = -1, /) -> bytes:
            self.count += 1
            assert self.count < 10, "who sends without end is read without end"
            return b" " * 500

    response = _chunked(owner, "PATCH", ME, b"", JSON, **{"wsgi.input": Endless()})
    assert response.status_code == 413


def test_djangos_own_limit_is_reported(rf: RequestFactory) -> None:
    """Such as texts in a form with files."""
    response = error_views.bad_request(rf.post(SHELVES), RequestDataTooBig("inside"))
    assert response.status_code == 413
    assert json.loads(response.content) == {
        "detail": "A body of this type may have at most 2.5\xa0MB.",
        "code": "request_too_large",
    }
