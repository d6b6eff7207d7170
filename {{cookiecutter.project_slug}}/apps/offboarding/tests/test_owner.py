"""Owners archive their tenant over the API."""

from typing import Any

import pytest

from apps.audit.models import AuditEvent
from apps.isolation.testing import api_client, make_member
from apps.isolation.testing.people import PASSWORD
from apps.tenants.models import Tenant

API = "/api/v1/tenant/archive/"


@pytest.fixture
def owner(acme: Any) -> Any:
    """Return an Owner's membership."""
    return make_member(acme, "owner")


def _status() -> str:
    return str(Tenant.objects.get().status)


def test_owner_archives_the_tenant_over_the_api(owner: Any, mailoutbox: list[Any]) -> None:
    client = api_client(owner.tenant, owner.user.email)
    refusal = client.post(API, {"current_password": "wrong"})
    assert (refusal.status_code, list(refusal.json())) == (400, ["current_password"])
    assert _status() == "active"
    assert client.post(API, {"current_password": PASSWORD}).status_code == 204
    assert _status() == "archived"
    assert [mail.to for mail in mailoutbox] == [[owner.user.email]]
    event = AuditEvent.platform.get(action="tenant.archived")
    assert event.actor_id == owner.user.pk
    after = client.get("/api/v1/me/")
    assert (after.status_code, after.json()["code"]) == (403, "tenant_suspended")


@pytest.mark.parametrize("role", ["admin", "member", "viewer"])
def test_others_cannot_archive_the_tenant(role: str, owner: Any) -> None:
    member = make_member(owner.tenant, role)
    response = api_client(owner.tenant, member.user.email).post(API, {"current_password": PASSWORD})
    assert response.status_code == 403
    assert _status() == "active"
