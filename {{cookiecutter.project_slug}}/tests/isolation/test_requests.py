"""Streaming and asynchronous requests (CT11)."""

from collections.abc import AsyncIterator, Iterator
from itertools import zip_longest
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import AsyncRequestFactory, RequestFactory

from apps.authentication.middleware import tenant_middleware
from apps.isolation import NoTenantError, current_tenant, tenant_context
from tests.isolation.conftest import Side, run
from tests.sample.models import Shelf

CHUNKS = 3


def _names() -> Iterator[str]:
    for _ in range(CHUNKS):
        yield Shelf.objects.get().name


async def _names_async() -> AsyncIterator[str]:
    for _ in range(CHUNKS):
        yield (await Shelf.objects.aget()).name


def _stream(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(_names())


async def _stream_async(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(_names_async())


async def _answer_async(request: HttpRequest) -> HttpResponse:
    return HttpResponse((await Shelf.objects.aget()).name * CHUNKS)


def _host(side: Side) -> str:
    return f"{side.tenant.slug}.localhost"


def _ask(view: Any, host: str) -> Any:
    return tenant_middleware(view)(RequestFactory().get("/", headers={"Host": host}))


async def _ask_async(view: Any, host: str) -> Any:
    request = AsyncRequestFactory().get("/")
    request.META["HTTP_HOST"] = host
    return await tenant_middleware(view)(request)


def test_ct11_streams_keep_their_tenant(sides: tuple[Side, Side]) -> None:
    """Their chunks are sent alternately, inside another tenant, after the views have returned."""
    streams = [iter(_ask(_stream, _host(side))) for side in sides]
    assert current_tenant() is None
    with tenant_context(sides[0].tenant):
        turns = list(zip_longest(*streams))
    names = tuple(side.shelf.name.encode() for side in sides)
    assert turns == [names] * CHUNKS
    assert current_tenant() is None
    with pytest.raises(NoTenantError):
        b"".join(_ask(_stream, "localhost"))


@pytest.mark.django_db(transaction=True)
def test_ct11_aborted_stream_leaves_no_tenant(sides: tuple[Side, Side]) -> None:
    def fail() -> Iterator[str]:
        yield Shelf.objects.get().name
        raise ZeroDivisionError

    broken = iter(_ask(lambda request: StreamingHttpResponse(fail()), _host(sides[0])))
    next(broken)
    with pytest.raises(ZeroDivisionError):
        next(broken)
    assert current_tenant() is None
    abandoned = _ask(_stream, _host(sides[0]))
    next(iter(abandoned))
    with tenant_context(sides[1].tenant):
        abandoned.close()
        assert Shelf.objects.get() == sides[1].shelf
    assert current_tenant() is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("view", [_answer_async, _stream_async])
def test_ct11_async_views_keep_their_tenant(view: Any, sides: tuple[Side, Side]) -> None:
    async def body(host: str) -> bytes:
        response = await _ask_async(view, host)
        assert current_tenant() is None
        if not response.streaming:
            return bytes(response.content)
        return b"".join([chunk async for chunk in response])

    for side in sides:
        assert run(body(_host(side))) == side.shelf.name.encode() * CHUNKS
    with pytest.raises(NoTenantError):
        run(body("localhost"))


@pytest.mark.django_db(transaction=True)
def test_ct11_async_streams_run_in_turns(sides: tuple[Side, Side]) -> None:
    async def turns() -> list[tuple[bytes, ...]]:
        streams = [aiter(await _ask_async(_stream_async, _host(side))) for side in sides]
        return [(await anext(streams[0]), await anext(streams[1])) for _ in range(CHUNKS)]

    names = tuple(side.shelf.name.encode() for side in sides)
    assert run(turns()) == [names] * CHUNKS
