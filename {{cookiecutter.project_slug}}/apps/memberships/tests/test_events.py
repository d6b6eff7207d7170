"""The audit log of a tenant records actions of members and of the platform."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.audit.models import AuditEvent
from apps.isolation.testing import make_member
from apps.memberships.roles import Role
from apps.memberships.services import add_member
from apps.tenants.models import Tenant
from tests.support import invite

API = "/api/v1/"


@pytest.fixture
def owner(acme: Tenant, client_of: Callable[..., Any]) -> APIClient:
    client: APIClient = client_of(acme, "owner")
    return client


def _new(tenant: Tenant) -> list[tuple[str, dict[str, Any]]]:
    """Return action and changes of the tenant's events, the oldest first."""
    events = AuditEvent.objects.for_tenant(tenant).order_by("id")
    return list(events.values_list("action", "changes"))


def _change(before: Any, after: Any) -> dict[str, Any]:
    return {"before": before, "after": after}


def test_events_of_role_changes_and_removal(owner: APIClient, acme: Tenant) -> None:
    member = make_member(acme, "member")
    path = f"{API}members/{member.pk}/"
    owner.patch(path, {"role": "member"})  # unchanged
    assert _new(acme) == []
    owner.patch(path, {"role": "admin"})
    owner.delete(path)
    assert _new(acme) == [
        ("member.role_changed", {"role": _change("member", "admin")}),
        ("member.removed", {"is_active": _change(True, False)}),
    ]
    asking = acme.memberships.get(role="owner").user_id
    events = AuditEvent.objects.for_tenant(acme)
    assert set(events.values_list("actor_id", "object_type", "object_id")) == {
        (asking, "memberships.membership", str(member.pk))
    }


def test_events_of_transfer_and_leaving(
    owner: APIClient, acme: Tenant, client_of: Callable[..., Any]
) -> None:
    member = make_member(acme, "member")
    last = acme.memberships.get(role="owner")
    owner.post(f"{API}tenant/transfer-ownership/", {"member": str(member.pk)})
    owner.post(f"{API}members/leave/")
    assert _new(acme) == [
        ("member.role_changed", {"role": _change("member", "owner")}),
        ("member.role_changed", {"role": _change("owner", "admin")}),
        ("tenant.ownership_transferred", {"owner": _change(str(last.pk), str(member.pk))}),
        ("member.left", {"is_active": _change(True, False)}),
    ]


def test_events_of_an_invitation(owner: APIClient, acme: Tenant) -> None:
    first, _ = invite(owner, "first@example.test")
    owner.post(f"{API}invitations/{first}/resend/")
    owner.delete(f"{API}invitations/{first}/")
    _, token = invite(owner, "second@example.test", "viewer")
    body = {"token": token, "password": "a battery staples no horses"}
    APIClient(headers={"Host": "acme.localhost"}).post(f"{API}invitations/accept/", body)
    joined = {"role": _change(None, "viewer"), "is_active": _change(None, True)}
    assert _new(acme) == [
        ("invitation.sent", {"role": _change(None, "member")}),
        ("invitation.resent", {"role": _change(None, "member")}),
        ("invitation.revoked", {}),
        ("invitation.sent", {"role": _change(None, "viewer")}),
        ("member.joined", joined),
        ("invitation.accepted", {}),
    ]
    user = acme.memberships.get(user__email="second@example.test").user_id
    assert AuditEvent.platform.get(action="member.joined").actor_id == user


def test_settings(owner: APIClient, acme: Tenant) -> None:
    body = {"name": "Acme Ltd", "settings": {"timezone": "Asia/Tokyo", "session_hours": 336}}
    for _ in range(2):  # the second request changes nothing
        assert owner.patch(f"{API}tenant/", body).status_code == 200
    assert owner.patch(f"{API}tenant/", {}).status_code == 200
    changes = {"name": _change("Acme", "Acme Ltd"), "timezone": _change("UTC", "Asia/Tokyo")}
    assert _new(acme) == [("tenant.changed", changes)]


def test_events_of_members_added_by_the_platform(acme: Tenant, globex: Tenant) -> None:
    user = make_member(acme, "member").user
    for tenant in (acme, globex):
        for _ in range(2):  # the second request changes nothing
            add_member(tenant, user, Role.ADMIN)
    assert _new(acme) == [("member.role_changed", {"role": _change("member", "admin")})]
    assert [action for action, _ in _new(globex)] == ["member.joined"]
    assert set(AuditEvent.platform.values_list("actor_id", flat=True)) == {None}


def test_refused_actions_are_not_recorded(owner: APIClient, acme: Tenant) -> None:
    last = acme.memberships.get(role="owner")
    assert owner.delete(f"{API}members/{last.pk}/").status_code == 409
    assert owner.patch(f"{API}tenant/", {"settings": {"unknown": 1}}).status_code == 400
    assert _new(acme) == []


def test_work_on_the_product_is_not_recorded(owner: APIClient, acme: Tenant) -> None:
    assert owner.post(f"{API}sample/shelves/", {"name": "first"}).status_code == 201
    assert _new(acme) == []


def test_admin_reads_events_newest_first_with_request_id(
    owner: APIClient, acme: Tenant, globex: Tenant, client_of: Callable[..., Any]
) -> None:
    for number, name in enumerate(["one", "two", "three"]):
        headers = {"X-Request-ID": f"request-{number}"}
        assert owner.patch(f"{API}tenant/", {"name": name}, headers=headers).status_code == 200
    client_of(globex, "owner").patch(f"{API}tenant/", {"name": "canary"})
    page = client_of(acme, "admin").get(f"{API}audit-events/?page_size=2").json()
    assert [event["request_id"] for event in page["results"]] == ["request-2", "request-1"]
    assert page["results"][0]["changes"] == {"name": _change("two", "three")}
    rest = client_of(acme, "admin").get(page["next"]).json()
    assert [event["request_id"] for event in rest["results"]] == ["request-0"]
    assert rest["next"] is None
    assert set(rest["results"][0]) == {
        "id",
        "time",
        "actor",
        "action",
        "object_type",
        "object_id",
        "request_id",
        "reason",
        "changes",
    }
