"""The platform's admin: tenants, domains and members, but no tenant data."""

from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.test import Client

from apps.audit.models import AuditEvent
from apps.isolation.models import TenantModel
from apps.isolation.strategy.naming import physical_name
from apps.isolation.testing import make_member
from apps.tenants.admin import TenantAdmin
from apps.tenants.models import Tenant
from apps.tenants.settings import BRAND_COLOR, BRAND_NAME, TenantSettings
from tests.support import statements

PASSWORD = "correct horse battery staple"


def _staff(email: str = "staff@example.test") -> Client:
    users: Any = get_user_model()._default_manager
    users.create_superuser(email, PASSWORD)
    return _log_in(email)


def _log_in(email: str) -> Client:
    client = Client(headers={"Host": "localhost"})
    client.post("/admin/login/", {"username": email, "password": PASSWORD})
    return client


def test_staff_see_tenants_users_and_memberships(acme: Tenant) -> None:
    membership = make_member(acme, "owner")
    client = _staff()
    for path, shown in (
        ("/admin/", b"Memberships"),
        ("/admin/tenants/tenant/", b"Acme"),
        ("/admin/tenants/tenant/?q=acm&status=active", b"Acme"),
        (f"/admin/tenants/tenant/{acme.pk}/change/", b"acme.localhost"),
        ("/admin/memberships/membership/", b"owner@acme.test"),
        ("/admin/memberships/membership/?q=owner%40acme", b"owner@acme.test"),
        (f"/admin/memberships/membership/{membership.pk}/change/", b"owner@acme.test"),
        ("/admin/authentication/user/", b"owner@acme.test"),
    ):
        response = client.get(path)
        assert response.status_code == 200, path
        assert shown in response.content, path


def test_tenant_models_are_not_in_the_admin(acme: Tenant) -> None:
    owned = [model for model in apps.get_models() if issubclass(model, TenantModel)]
    assert owned
    assert not any(admin.site.is_registered(model) for model in owned)
    assert b"shelf" not in _staff().get("/admin/").content.lower()


def test_admin_cannot_add_or_delete_tenants(acme: Tenant) -> None:
    client = _staff()
    for path in ("add/", f"{acme.pk}/delete/"):
        for answer in (
            client.get(f"/admin/tenants/tenant/{path}"),
            client.post(f"/admin/tenants/tenant/{path}", {"post": "yes", "slug": "x"}),
        ):
            assert answer.status_code == 403
    client.post(
        "/admin/tenants/tenant/", {"action": "delete_selected", "_selected_action": str(acme.pk)}
    )
    assert Tenant.objects.get() == acme


def _change(tenant: Tenant, **fields: str) -> Any:
    """Submit the form of a tenant with its domain and an empty inline row."""
    domain = tenant.domains.get()
    form = {
        "name": "Acme",
        "settings": "{}",
        "domains-TOTAL_FORMS": "2",
        "domains-INITIAL_FORMS": "1",
        "domains-0-id": str(domain.pk),
        "domains-0-tenant": str(tenant.pk),
        "domains-0-domain": domain.domain,
        "domains-0-is_primary": "on",
        "domains-1-tenant": str(tenant.pk),
        "domains-1-domain": "",
    }
    return _staff().post(f"/admin/tenants/tenant/{tenant.pk}/change/", form | fields)


def test_slug_and_status_are_read_only(acme: Tenant) -> None:
    assert _change(acme, status="preparing", slug="stolen").status_code == 302
    acme.refresh_from_db()
    assert (acme.status, acme.slug) == ("active", "acme")


def test_domain_is_normalised(acme: Tenant) -> None:
    assert _change(acme, **{"domains-1-domain": "Bücher.Example."}).status_code == 302
    assert acme.domains.filter(domain="xn--bcher-kva.example", is_primary=False).exists()


@pytest.mark.parametrize(
    ("domain", "complaint"),
    [
        ("localhost", b"This host is shared by all tenants."),
        ("LOCALHOST.", b"This host is shared by all tenants."),
        ("http://acme.example/", b"Enter a valid domain name."),
        (f"{'a.' * 120}bücher.example", b"Enter a valid domain name."),
        ("Globex.localhost", b"Domain with this Domain already exists."),
    ],
)
def test_invalid_domain_is_refused(
    domain: str, complaint: bytes, acme: Tenant, globex: Tenant
) -> None:
    response = _change(acme, **{"domains-1-domain": domain})
    assert response.status_code == 200
    assert complaint in response.content
    assert acme.domains.count() == 1


def _events(tenant: Tenant) -> list[tuple[str, Any]]:
    """Return actions and changes of staff in a tenant, the oldest first."""
    staff = get_user_model()._default_manager.get(email="staff@example.test")
    events = AuditEvent.objects.for_tenant(tenant).filter(actor_id=staff.pk).order_by("id")
    return list(events.values_list("action", "changes"))


def _differs(before: Any, after: Any) -> dict[str, Any]:
    return {"before": before, "after": after}


def test_changes_by_staff_are_recorded(acme: Tenant) -> None:
    changes = {
        "name": "Acme Ltd",
        "settings": '{"timezone": "Asia/Tokyo"}',
        "domains-0-domain": "acme.example",
        "domains-1-domain": "shop.example",
    }
    assert _change(acme, **changes).status_code == 302
    *of_tenant, moved, added = _events(acme)
    name = _differs("Acme", "Acme Ltd")
    assert of_tenant == [
        ("tenant.changed", {"name": name, "timezone": _differs("UTC", "Asia/Tokyo")}),
    ]
    assert moved == ("domain.changed", {"domain": _differs("acme.localhost", "acme.example")})
    assert added[0] == "domain.added"
    assert added[1]["domain"] == _differs(None, "shop.example")


def test_form_keeps_concurrent_changes(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """An Admin of the tenant changes the row while staff edits the form."""
    save = TenantAdmin.save_model

    def lose(*arguments: Any) -> None:
        TenantSettings(acme).set(BRAND_NAME, "Meanwhile")
        TenantSettings(acme).set(BRAND_COLOR, "#000000")
        save(*arguments)

    monkeypatch.setattr(TenantAdmin, "save_model", lose)
    assert _change(acme, settings='{"timezone": "Asia/Tokyo"}').status_code == 302
    acme.refresh_from_db()
    assert acme.settings == {
        "brand_name": "Meanwhile",
        "brand_color": "#000000",
        "timezone": "Asia/Tokyo",
    }


def test_last_domain_cannot_be_removed(acme: Tenant) -> None:
    assert _change(acme, **{"domains-0-DELETE": "on"}).status_code == 302
    assert acme.domains.count() == 1
    assert _events(acme) == []
    changes = {"domains-0-DELETE": "on", "domains-1-domain": "acme.example"}
    staff = get_user_model()._default_manager.get(email="staff@example.test")
    staff.delete()
    assert _change(acme, **changes).status_code == 302
    assert acme.domains.get().domain == "acme.example"
    assert [action for action, _ in _events(acme)] == ["domain.added", "domain.removed"]


def test_tenants_are_suspended_and_resumed_from_the_list(acme: Tenant, globex: Tenant) -> None:
    Tenant.objects.filter(pk=globex.pk).update(status="preparing")
    client = _staff()
    both = [str(acme.pk), str(globex.pk)]
    steps = {
        "suspend": "suspended",
        "resume": "active",
        "archive": "archived",
        "restore": "active",
    }
    for action, status in [("suspend", "suspended"), *steps.items()]:
        body = {"action": action, "_selected_action": both}
        response = client.post("/admin/tenants/tenant/", body, follow=True)
        assert b"Globex: Only a tenant that is" in response.content
        acme.refresh_from_db()
        assert acme.status == status
    expected = ["tenant.suspended", "tenant.resumed", "tenant.archived", "tenant.restored"]
    assert [action for action, _ in _events(acme)] == expected


def test_members_are_counted_in_the_query_that_finds_the_tenants(
    acme: Tenant, globex: Tenant
) -> None:
    for role in ("owner", "member", "viewer"):
        make_member(acme, role)
    make_member(globex, "owner")
    acme.memberships.filter(role="viewer").update(is_active=False)
    client = _staff()
    costs = []
    for search in ("acme", ""):
        with statements() as sent:
            response = client.get(f"/admin/tenants/tenant/?q={search}")
        costs.append(len(sent))
    assert costs[0] == costs[1]
    assert response.content.count(b'<td class="field-members">2</td>') == 1
    assert response.content.count(b'<td class="field-members">1</td>') == 1


def test_admin_shows_physical_name_and_how_to_create_tenants(acme: Tenant) -> None:
    client = _staff()
    assert b"create_tenant creates tenants" in client.get("/admin/tenants/tenant/").content
    page = client.get(f"/admin/tenants/tenant/{acme.pk}/change/").content.decode()
    assert str(acme.pk) in page
    assert physical_name(acme.pk) in page


def test_staff_without_permission_see_nothing(acme: Tenant) -> None:
    users: Any = get_user_model()._default_manager
    users.create_user("clerk@example.test", PASSWORD, is_staff=True)
    client = _log_in("clerk@example.test")
    assert client.get("/admin/").status_code == 200
    for model in ("tenants/tenant", "memberships/membership"):
        assert client.get(f"/admin/{model}/").status_code == 403
    body = {"action": "suspend", "_selected_action": [str(acme.pk)]}
    assert client.post("/admin/tenants/tenant/", body).status_code == 403


@pytest.mark.parametrize(
    "settings",
    ["", '{"unknown": 1}', '{"timezone": "Nowhere/Else"}', '{"session_hours": "8"}', "[]"],
)
def test_unknown_settings_are_refused(settings: str, acme: Tenant) -> None:
    assert _change(acme, settings=settings).status_code == 200
    acme.refresh_from_db()
    assert acme.settings == {}


def test_owner_of_a_tenant_is_no_staff(acme: Tenant) -> None:
    make_member(acme, "owner")
    client = _log_in("owner@acme.test")
    response = client.get("/admin/tenants/tenant/")
    assert response.status_code == 302
    assert response.headers["Location"].startswith("/admin/login/")


def test_tenants_host_has_no_admin(acme: Tenant) -> None:
    client = _staff()
    client.defaults["HTTP_HOST"] = "acme.localhost"
    for path in ("/admin/", "/admin/login/", "/admin/tenants/tenant/"):
        assert client.get(path).status_code == 404
