"""The platform's administration: tenants and who belongs to them, and nothing that is theirs."""

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.test import Client

from apps.isolation import TenantModel
from apps.isolation.testing import make_member
from apps.tenants.models import Membership, Tenant

PASSWORD = "correct horse battery staple"


def _staff(email: str = "staff@example.test") -> Client:
    users: Any = get_user_model()._default_manager
    users.create_superuser(email, PASSWORD)
    return _log_in(email)


def _log_in(email: str) -> Client:
    client = Client(headers={"Host": "localhost"})
    client.post("/admin/login/", {"username": email, "password": PASSWORD})
    return client


def test_platform_staff_sees_tenants_users_and_memberships(acme: Tenant) -> None:
    membership = make_member(acme, "owner")
    client = _staff()
    for path, shown in (
        ("/admin/", b"Memberships"),
        ("/admin/tenants/tenant/", b"Acme"),
        ("/admin/tenants/tenant/?q=acm&status=active", b"Acme"),
        (f"/admin/tenants/tenant/{acme.pk}/change/", b"acme.localhost"),
        ("/admin/tenants/membership/", b"owner@acme.test"),
        ("/admin/tenants/membership/?q=owner%40acme", b"owner@acme.test"),
        (f"/admin/tenants/membership/{membership.pk}/change/", b"owner@acme.test"),
        ("/admin/authentication/user/", b"owner@acme.test"),
    ):
        response = client.get(path)
        assert response.status_code == 200, path
        assert shown in response.content, path


def test_what_belongs_to_a_tenant_is_not_in_it(acme: Tenant) -> None:
    owned = [model for model in apps.get_models() if issubclass(model, TenantModel)]
    assert owned
    assert not any(admin.site.is_registered(model) for model in owned)
    assert b"project" not in _staff().get("/admin/").content.lower()


def test_a_tenant_is_neither_added_nor_deleted_here(acme: Tenant) -> None:
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


def test_a_tenant_is_suspended_here_and_its_slug_stays(acme: Tenant) -> None:
    domain = acme.domains.get()
    response = _staff().post(
        f"/admin/tenants/tenant/{acme.pk}/change/",
        {
            "name": "Acme",
            "slug": "stolen",
            "status": "suspended",
            "settings": "{}",
            "domains-TOTAL_FORMS": "1",
            "domains-INITIAL_FORMS": "1",
            "domains-0-id": str(domain.pk),
            "domains-0-tenant": str(acme.pk),
            "domains-0-domain": domain.domain,
            "domains-0-is_primary": "on",
        },
    )
    assert response.status_code == 302
    acme.refresh_from_db()
    assert (acme.status, acme.slug) == ("suspended", "acme")


def test_a_membership_is_added_here(acme: Tenant, globex: Tenant) -> None:
    user = make_member(acme, "member").user
    response = _staff().post(
        "/admin/tenants/membership/add/",
        {"user": str(user.pk), "tenant": str(globex.pk), "role": "viewer", "is_active": "on"},
    )
    assert response.status_code == 302
    assert Membership.objects.for_tenant(globex).get().user == user


def test_a_tenants_owner_is_not_platform_staff(acme: Tenant) -> None:
    make_member(acme, "owner")
    client = _log_in("owner@acme.test")
    response = client.get("/admin/tenants/tenant/")
    assert response.status_code == 302
    assert response.headers["Location"].startswith("/admin/login/")


def test_a_tenants_host_has_no_admin(acme: Tenant) -> None:
    client = _staff()
    client.defaults["HTTP_HOST"] = "acme.localhost"
    for path in ("/admin/", "/admin/login/", "/admin/tenants/tenant/"):
        assert client.get(path).status_code == 404
