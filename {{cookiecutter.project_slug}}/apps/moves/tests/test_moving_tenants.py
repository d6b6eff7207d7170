"""A tenant that moves is only read, and one that has moved is not served.

tests/isolation/test_http.py and the tests of pages ask who learns of it.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from rest_framework.test import APIClient

from apps.isolation import tenant_context
from apps.isolation.exceptions import WritesContinueError
from apps.isolation.strategy.write_fence import lower_fence, raise_fence
from apps.isolation.testing.people import PASSWORD
from apps.pages.testing import Visit
from apps.tenants import lifecycle
from apps.tenants.models import Tenant
from tests.sample.models import Shelf

pytestmark = pytest.mark.django_db(transaction=True)


def test_moving_tenant_is_only_read(acme: Tenant, client_of: Callable[..., Any]) -> None:
    client = client_of(acme, "owner")
    lifecycle.begin_move(acme)
    assert client.get("/api/v1/sample/books/").status_code == 200
    refused = client.post("/api/v1/sample/shelves/", {"name": "x"})
    assert (refused.status_code, refused.json()["code"]) == (503, "tenant_moving")
    assert refused.headers["Retry-After"] == "5"
    assert _log_in(acme).status_code == 200


def test_pages_of_a_moving_tenant_are_only_read(acme: Tenant, visit: Visit) -> None:
    owner = visit("owner")
    lifecycle.begin_move(acme)
    assert owner.get("/members/").status_code == 200
    refused = owner.post("/members/", {"email": "new@acme.test", "role": "member"})
    assert (refused.status_code, "is being moved" in refused.content.decode()) == (503, True)


def _log_in(tenant: Tenant) -> Any:
    body = {"email": f"owner@{tenant.slug}.test", "password": PASSWORD}
    return APIClient(HTTP_HOST=f"{tenant.slug}.localhost").post("/api/v1/auth/token/", body)


# The fence


@pytest.fixture
def fenced(acme: Tenant) -> Iterator[Tenant]:
    """Return a tenant with a row, to which nobody can write any more."""
    with tenant_context(acme):
        Shelf.objects.create(name="before")
    raise_fence(acme, seconds=5)
    yield acme
    lower_fence(acme, seconds=5)


WRITES: dict[str, Callable[[], object]] = {
    "insert": lambda: Shelf.objects.create(name="late"),
    "update": lambda: Shelf.objects.update(name="late"),
    "delete": lambda: Shelf.objects.all().delete(),
}


@pytest.mark.parametrize("write", WRITES)
def test_fence_refuses_writes_to_one_tenant_only(
    write: str, fenced: Tenant, globex: Tenant
) -> None:
    with tenant_context(fenced):
        with pytest.raises(DatabaseError, match="being moved"):
            WRITES[write]()
        assert Shelf.objects.get().name == "before"
    with tenant_context(globex):
        Shelf.objects.create(name="neighbour")
        WRITES[write]()
    lower_fence(fenced, seconds=5)
    with tenant_context(fenced):
        WRITES[write]()


def test_late_write_of_a_request_is_refused_with_503(
    fenced: Tenant, client_of: Callable[..., Any]
) -> None:
    answer = client_of(fenced, "owner").post("/api/v1/sample/shelves/", {"name": "late"})
    assert (answer.status_code, answer.json()["code"]) == (503, "tenant_moving")


@pytest.mark.two_connections
def test_fence_waits_for_open_transactions(acme: Tenant) -> None:
    with tenant_context(acme), transaction.atomic():
        Shelf.objects.create(name="open")
        with pytest.raises(WritesContinueError):
            raise_fence(acme, seconds=0)
    lower_fence(acme, seconds=5)
    with tenant_context(acme):
        assert Shelf.objects.get().name == "open"
