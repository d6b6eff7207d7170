"""Memberships in the platform's admin."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from apps.audit.models import AuditEvent
from apps.isolation.testing import make_member
from apps.memberships.models import Membership
from apps.tenants.models import Tenant

PASSWORD = "correct horse battery staple"


def _staff() -> Client:
    users: Any = get_user_model()._default_manager
    users.create_superuser("staff@example.test", PASSWORD)
    client = Client(headers={"Host": "localhost"})
    body = {"username": "staff@example.test", "password": PASSWORD}
    client.post("/admin/login/", body)
    return client


def _events(tenant: Tenant) -> list[tuple[str, Any]]:
    """Return actions and changes of staff in a tenant, the oldest first."""
    staff = get_user_model()._default_manager.get(email="staff@example.test")
    events = AuditEvent.objects.for_tenant(tenant).filter(actor_id=staff.pk).order_by("id")
    return list(events.values_list("action", "changes"))


def _differs(before: Any, after: Any) -> dict[str, Any]:
    return {"before": before, "after": after}


def test_staff_adds_a_membership(acme: Tenant, globex: Tenant) -> None:
    user = make_member(acme, "member").user
    response = _staff().post(
        "/admin/memberships/membership/add/",
        {"user": str(user.pk), "tenant": str(globex.pk), "role": "viewer", "is_active": "on"},
    )
    assert response.status_code == 302
    assert Membership.objects.for_tenant(globex).get().user == user


def test_changes_by_staff_are_recorded_as_in_the_api(acme: Tenant) -> None:
    make_member(acme, "owner")
    membership = make_member(acme, "member")
    client = _staff()
    page = f"/admin/memberships/membership/{membership.pk}/"
    for body in ({"role": "admin", "is_active": "on"}, {"role": "admin"}, {"role": "admin"}):
        assert client.post(f"{page}change/", body).status_code == 302
    assert client.post(f"{page}change/", {"role": "viewer", "is_active": "on"}).status_code == 302
    assert _events(acme) == [
        ("member.role_changed", {"role": _differs("member", "admin")}),
        ("member.removed", {"is_active": _differs(True, False)}),
        (
            "member.joined",
            {"role": _differs("admin", "viewer"), "is_active": _differs(False, True)},
        ),
    ]
    assert client.post(f"{page}delete/", {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("body", [{"role": "admin", "is_active": "on"}, {"role": "owner"}])
def test_staff_cannot_remove_the_last_owner(body: dict[str, str], acme: Tenant) -> None:
    membership = make_member(acme, "owner")
    page = f"/admin/memberships/membership/{membership.pk}/change/"
    response = _staff().post(page, body, follow=True)
    assert response.redirect_chain == [(page, 302)]
    assert b"At least one Owner must remain" in response.content
    membership.refresh_from_db()
    assert (membership.role, membership.is_active) == ("owner", True)
    assert _events(acme) == []
