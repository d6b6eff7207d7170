"""The id of a request, as its response, its log lines and its audit events contain it."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from uuid import uuid4

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

type GetResponse = Callable[[HttpRequest], Any]
"""A view or middleware. It returns a response, or an awaitable if it is asynchronous."""

HEADER = "X-Request-ID"
# Ids of proxies match; a line break, which would forge a log line, does not.
VALID = re.compile(r"[A-Za-z0-9._-]{1,64}")

request_id: ContextVar[str] = ContextVar("request_id", default="")
current_request: ContextVar[HttpRequest | None] = ContextVar("current_request", default=None)


@sync_and_async_middleware
def request_id_middleware(get_response: GetResponse) -> GetResponse:
    """Use the id that the proxy sent, or generate one."""
    if iscoroutinefunction(get_response):

        async def middleware_async(request: HttpRequest) -> HttpResponseBase:
            with _current(request):
                return _answer(request, await get_response(request))

        return middleware_async

    def middleware(request: HttpRequest) -> HttpResponseBase:
        with _current(request):
            return _answer(request, get_response(request))

    return middleware


def id_of(request: object) -> str:
    """Return the id of a request, also after its end."""
    return str(getattr(request, "request_id", "")) or request_id.get()


@contextmanager
def _current(request: HttpRequest) -> Iterator[None]:
    tokens = request_id.set(_identify(request)), current_request.set(request)
    try:
        yield
    finally:
        request_id.reset(tokens[0])
        current_request.reset(tokens[1])


def _identify(request: HttpRequest) -> str:
    given = request.headers.get(HEADER, "")
    request.request_id = given if VALID.fullmatch(given) else uuid4().hex  # type: ignore[attr-defined]
    return id_of(request)


def _answer(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    response.headers[HEADER] = id_of(request)
    return response
