"""The request's id in headers, log lines and audit events."""

import logging
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import AsyncRequestFactory, Client, RequestFactory

from apps.observability.logs import ContextFilter
from apps.observability.request_id import request_id, request_id_middleware
from tests.isolation.conftest import run


def _ask(given: str) -> tuple[str, str]:
    """Return the id in the view, and the id in the response."""

    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(request_id.get())

    request = RequestFactory().get("/", headers={"X-Request-ID": given} if given else {})
    response: Any = request_id_middleware(view)(request)
    return response.content.decode(), response.headers["X-Request-ID"]


@pytest.mark.parametrize("given", ["7", "a-b_c.D", "x" * 64])
def test_id_of_the_proxy_is_used(given: str) -> None:
    assert _ask(given) == (given, given)
    assert request_id.get() == ""


@pytest.mark.parametrize("given", ["", " ", "a b", "a\nlevel=INFO", "ä", "x" * 65, "7\n"])
def test_invalid_id_is_replaced(given: str) -> None:
    seen, answered = _ask(given)
    assert seen == answered
    assert seen != given
    assert len(seen) == 32
    assert _ask(given)[0] != seen


def test_async_view_has_the_id() -> None:
    async def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(request_id.get())

    async def ask() -> tuple[Any, str]:
        request = AsyncRequestFactory().get("/", headers={"X-Request-ID": "7"})
        return await request_id_middleware(view)(request), request_id.get()

    response, left = run(ask())
    assert (response.content, response.headers["X-Request-ID"], left) == (b"7", "7", "")


@pytest.mark.django_db
def test_log_line_after_a_request_has_its_id(
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = Client(headers={"Host": "localhost", "X-Request-ID": "the-request"})
    response = client.get("/nowhere/")
    assert (response.status_code, response.headers["X-Request-ID"]) == (404, "the-request")
    (record,) = [record for record in caplog.records if record.name == "django.request"]
    assert record.getMessage() == "Not Found: /nowhere/"
    assert ContextFilter().filter(record)
    assert record.__dict__["request_id"] == "the-request"


def test_no_id_outside_of_requests() -> None:
    record = logging.makeLogRecord({})
    assert ContextFilter().filter(record)
    assert record.__dict__["request_id"] == "-"
