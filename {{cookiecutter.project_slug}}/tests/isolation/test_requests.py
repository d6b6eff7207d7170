"""Requests that outlive their view: streaming and asynchronous ones."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import AsyncRequestFactory, RequestFactory

from apps.authentication.middleware import tenant_middleware
from apps.isolation import NoActiveTenant, current_tenant
from apps.projects.models import Project
from tests.isolation.conftest import Side, run


def _names() -> Iterator[str]:
    for project in Project.objects.all():
        yield project.name


async def _names_async() -> AsyncIterator[str]:
    async for project in Project.objects.all():
        yield project.name


def _ask(view: Any, host: str) -> Any:
    return tenant_middleware(view)(RequestFactory().get("/", headers={"Host": host}))


def test_a_stream_stays_in_its_tenant(sides: tuple[Side, Side]) -> None:
    def stream(request: HttpRequest) -> StreamingHttpResponse:
        return StreamingHttpResponse(_names())

    responses = [_ask(stream, f"{side.tenant.slug}.localhost") for side in sides]
    assert current_tenant() is None
    for side, response in zip(sides, responses, strict=True):
        assert b"".join(response) == side.project.name.encode()
    with pytest.raises(NoActiveTenant):
        b"".join(_ask(stream, "localhost"))


@pytest.mark.django_db(transaction=True)
def test_an_async_view_stays_in_its_tenant(sides: tuple[Side, Side]) -> None:
    async def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse([project.name async for project in Project.objects.all()])

    async def stream(request: HttpRequest) -> StreamingHttpResponse:
        return StreamingHttpResponse(_names_async())

    async def ask(view: Any, host: str) -> Any:
        request = AsyncRequestFactory().get("/")
        request.META["HTTP_HOST"] = host
        response = await tenant_middleware(view)(request)
        if response.streaming:
            return b"".join([chunk async for chunk in response])
        return response.content

    for side in sides:
        for each in (view, stream):
            host = f"{side.tenant.slug}.localhost"
            assert run(ask(each, host)) == side.project.name.encode()
    for each in (view, stream):
        with pytest.raises(NoActiveTenant):
            run(ask(each, "localhost"))
