"""The request's id, from its header to the log and the audit log."""

import logging
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import AsyncRequestFactory, Client, RequestFactory

from apps.observability.logs import ContextFilter
from apps.observability.request_id import request_id, request_id_middleware
from tests.isolation.conftest import run


def _ask(given: str) -> tuple[str, str]:
    """Return the id that the view saw, and the one in the answer."""

    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(request_id.get())

    request = RequestFactory().get("/", headers={"X-Request-ID": given} if given else {})
    response: Any = request_id_middleware(view)(request)
    return response.content.decode(), response.headers["X-Request-ID"]


@pytest.mark.parametrize("given", ["7", "a-b_c.D", "x" * 64])
def test_the_proxys_id_is_taken(given: str) -> None:
    assert _ask(given) == (given, given)
    assert request_id.get() == ""


@pytest.mark.parametrize("given", ["", " ", "a b", "a\nlevel=INFO", "ä", "x" * 65, "7\n"])
def test_what_is_no_id_is_replaced(given: str) -> None:
    seen, answered = _ask(given)
    assert seen == answered
    assert seen != given
    assert len(seen) == 32
    assert _ask(given)[0] != seen


def test_an_async_view_has_it_too() -> None:
    async def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(request_id.get())

    async def ask() -> tuple[Any, str]:
        request = AsyncRequestFactory().get("/", headers={"X-Request-ID": "7"})
        return await request_id_middleware(view)(request), request_id.get()

    response, left = run(ask())
    assert (response.content, response.headers["X-Request-ID"], left) == (b"7", "7", "")


@pytest.mark.django_db
def test_what_django_logs_of_a_request_after_its_end_names_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = Client(headers={"Host": "localhost", "X-Request-ID": "the-request"})
    response = client.get("/nowhere/")
    assert (response.status_code, response.headers["X-Request-ID"]) == (404, "the-request")
    (record,) = [record for record in caplog.records if record.name == "django.request"]
    assert record.getMessage() == "Not Found: /nowhere/"
    assert ContextFilter().filter(record)
    assert record.__dict__["request_id"] == "the-request"


def test_outside_of_requests_there_is_none() -> None:
    record = logging.makeLogRecord({})
    assert ContextFilter().filter(record)
    assert record.__dict__["request_id"] == "-"
