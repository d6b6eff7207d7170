"""The answer to: who am I, and where do I belong."""

from collections.abc import Callable
from typing import Any

import pytest

from apps.isolation.testing import make_member
from apps.tenants.models import Membership, Tenant
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
def test_the_whole_answer(host: str, client: Any, acme: Tenant, globex: Tenant) -> None:
    user = Membership.objects.for_tenant(acme).get().user
    client.defaults["HTTP_HOST"] = host
    assert client.get("/api/v1/me/").json() == {
        "user": {"id": str(user.pk), "email": "member@acme.test", "full_name": ""},
        "tenant": _brief(acme),
        "role": "member",
        "memberships": [
            {"tenant": _brief(acme), "role": "member"},
            {"tenant": _brief(globex), "role": "admin"},
        ],
    }


def test_memberships_that_ended_are_not_in_it(client: Any, acme: Tenant, globex: Tenant) -> None:
    Membership.objects.for_tenant(globex).update(is_active=False)
    memberships = client.get("/api/v1/me/").json()["memberships"]
    assert [each["tenant"]["slug"] for each in memberships] == ["acme"]


def test_it_takes_two_queries(client: Any) -> None:
    client.get("/api/v1/me/")
    with statements() as sent:
        assert client.get("/api/v1/me/").status_code == 200
    assert len(sent) == 2, sent


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_it_is_read_only_for_now(method: str, client: Any) -> None:
    response = getattr(client, method)("/api/v1/me/", {"role": "owner"})
    assert response.status_code == 405
    assert response.json()["code"] == "method_not_allowed"
