"""Permissions of each role, which depend on the membership only."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient, APIRequestFactory
from rest_framework.views import APIView

from apps.authentication.permissions import HasRole
from apps.isolation.testing import api_client, make_member
from apps.memberships.models import Membership
from apps.memberships.roles import Role
from apps.tenants.models import Tenant

PASSWORD = "correct horse battery staple"


class Silent(APIView):
    """A view without a required role."""

    def get(self, request: Request) -> Response:
        return Response({})


@pytest.mark.parametrize("role", list(Role))
def test_role_based_access(role: Role, acme: Tenant, client_of: Callable[..., Any]) -> None:
    """Viewers can read; all other roles can write."""
    client = client_of(acme, role)
    writes = role != Role.VIEWER
    created = client.post("/api/v1/sample/shelves/", {"name": "first"})
    assert created.status_code == (201 if writes else 403)
    shelf = created.json()["id"] if writes else "01900000-0000-7000-8000-000000000000"
    path = f"/api/v1/sample/shelves/{shelf}/"
    for method, at, body, status in (
        ("get", "/api/v1/sample/shelves/", None, 200),
        ("get", "/api/v1/me/", None, 200),
        ("get", path, None, 200 if writes else 404),
        ("options", "/api/v1/sample/shelves/", None, 200),
        ("patch", path, {"name": "second"}, 200 if writes else 403),
        ("put", path, {"name": "third"}, 200 if writes else 403),
        ("delete", path, None, 204 if writes else 403),
    ):
        response = getattr(client, method)(at, body)
        assert response.status_code == status, (method, at)
        if status == 403:
            assert response.json()["code"] == "permission_denied"


def test_view_without_a_role_is_closed(acme: Tenant) -> None:
    request: Any = APIRequestFactory().get("/")
    request.auth = make_member(acme, "owner")
    with pytest.raises(ImproperlyConfigured, match="Silent must set read_role"):
        HasRole().has_permission(request, Silent())


def test_require_tenant_access(acme: Tenant, globex: Tenant) -> None:
    """Without a membership, log-in is refused and existing tokens give no access."""
    request: Any = APIRequestFactory().get("/")
    request.auth = None
    assert not HasRole().has_permission(request, Silent())
    member = make_member(acme, "member")
    client = api_client(acme, member.user.email)
    assert client.get("/api/v1/sample/shelves/").status_code == 200
    member.delete()
    assert client.get("/api/v1/sample/shelves/").status_code == 401
    for host, body in (("acme.localhost", {}), ("localhost", {"tenant": "acme"})):
        body |= {"email": member.user.email, "password": PASSWORD}
        response = APIClient(headers={"Host": host}).post("/api/v1/auth/token/", body)
        assert (response.status_code, response.json()["code"]) == (401, "no_active_account")


def test_host_selects_the_tenant(acme: Tenant, globex: Tenant) -> None:
    user = make_member(acme, "owner").user
    make_member(globex, "viewer", user.email)
    for tenant, role, status in ((acme, "owner", 201), (globex, "viewer", 403)):
        client = api_client(tenant, user.email)
        assert client.get("/api/v1/me/").json()["role"] == role
        assert client.post("/api/v1/sample/shelves/", {"name": "x"}).status_code == status


def test_new_tenant_has_empty_lists(acme: Tenant, client_of: Callable[..., Any]) -> None:
    assert list(acme.memberships.all()) == []
    owner = client_of(acme, "owner")
    for path in ("sample/shelves/", "sample/books/", "invitations/", "audit-events/"):
        assert owner.get(f"/api/v1/{path}").json()["results"] == []


def test_superuser_without_membership_is_refused(acme: Tenant) -> None:
    users: Any = get_user_model()._default_manager
    users.create_superuser("root@example.test", PASSWORD)
    body = {"email": "root@example.test", "password": PASSWORD}
    response = APIClient(headers={"Host": "acme.localhost"}).post("/api/v1/auth/token/", body)
    assert (response.status_code, response.json()["code"]) == (401, "no_active_account")


def test_superuser_has_the_role_of_the_membership(acme: Tenant) -> None:
    users: Any = get_user_model()._default_manager
    users.create_superuser("root@example.test", PASSWORD)
    make_member(acme, "viewer", "root@example.test")
    client = api_client(acme, "root@example.test")
    assert client.get("/api/v1/sample/shelves/").status_code == 200
    assert client.post("/api/v1/sample/shelves/", {"name": "x"}).status_code == 403
    Membership.platform.all().delete()
    assert client.get("/api/v1/sample/shelves/").status_code == 401


def test_admin_session_is_not_accepted(acme: Tenant) -> None:
    users: Any = get_user_model()._default_manager
    users.create_superuser("root@example.test", PASSWORD)
    make_member(acme, "owner", "root@example.test")
    client = APIClient(headers={"Host": "localhost"})
    login = {"username": "root@example.test", "password": PASSWORD}
    client.post("/admin/login/", login, format="multipart")
    assert client.get("/admin/").status_code == 200
    for headers in ({}, {"X-Tenant": "acme"}):
        assert client.get("/api/v1/sample/shelves/", headers=headers).status_code == 401
