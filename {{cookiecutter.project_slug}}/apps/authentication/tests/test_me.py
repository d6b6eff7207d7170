"""``/me/``: the user and their memberships."""

from collections.abc import Callable
from typing import Any

import pytest

from apps.isolation.testing import make_member
from apps.memberships.models import Membership
from apps.tenants.models import Tenant
from tests.support import statements


@pytest.fixture
def client(acme: Tenant, globex: Tenant, client_of: Callable[..., Any]) -> Any:
    client = client_of(acme, "member")
    make_member(globex, "admin", "member@acme.test")
    return client


def _brief(tenant: Tenant) -> dict[str, str]:
    return {
        "id": str(tenant.pk),
        "slug": tenant.slug,
        "name": tenant.name,
        "status": tenant.status,
    }


@pytest.mark.parametrize("host", ["acme.localhost", "localhost"])
def test_complete_response(host: str, client: Any, acme: Tenant, globex: Tenant) -> None:
    user = Membership.objects.for_tenant(acme).get().user
    client.defaults["HTTP_HOST"] = host
    assert client.get("/api/v1/me/").json() == {
        "user": {"id": str(user.pk), "email": "member@acme.test", "full_name": ""},
        "tenant": _brief(acme),
        "role": "member",
        "profile": {"display_name": "", "title": "", "photo": None},
        "memberships": [
            {"tenant": _brief(acme), "role": "member"},
            {"tenant": _brief(globex), "role": "admin"},
        ],
    }


def test_ended_memberships_are_omitted(client: Any, acme: Tenant, globex: Tenant) -> None:
    Membership.objects.for_tenant(globex).update(is_active=False)
    memberships = client.get("/api/v1/me/").json()["memberships"]
    assert [each["tenant"]["slug"] for each in memberships] == ["acme"]


def test_number_of_queries(client: Any) -> None:
    client.get("/api/v1/me/")
    with statements() as sent:
        assert client.get("/api/v1/me/").status_code == 200
    assert len(sent) == 3, sent


@pytest.mark.parametrize("role", ["viewer", "owner"])
def test_only_the_name_can_be_changed(
    role: str, acme: Tenant, client_of: Callable[..., Any]
) -> None:
    client = client_of(acme, role)
    before = client.get("/api/v1/me/").json()
    body = {"full_name": "Ada", "email": "x@y.test", "role": "owner", "is_staff": True, "id": "x"}
    response = client.patch("/api/v1/me/", body)
    assert response.status_code == 200
    before["user"]["full_name"] = "Ada"
    assert response.json() == client.get("/api/v1/me/").json() == before
    user = Membership.objects.for_tenant(acme).get().user
    assert not user.is_staff


def test_name_may_be_empty_but_is_limited(client: Any) -> None:
    assert client.patch("/api/v1/me/", {"full_name": ""}).status_code == 200
    response = client.patch("/api/v1/me/", {"full_name": "x" * 256})
    assert (response.status_code, list(response.json())) == (400, ["full_name"])


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_post_and_delete_are_not_allowed(method: str, client: Any) -> None:
    response = getattr(client, method)("/api/v1/me/", {"role": "owner"})
    assert response.status_code == 405
    assert response.json()["code"] == "method_not_allowed"
