"""Verification of tokens on a host."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.isolation.testing import make_member
from apps.memberships.models import Membership
from apps.tenants.models import Tenant

AUTH = "/api/v1/auth/token/"
PASSWORD = "correct horse battery staple"


def _post(path: str, host: str, **body: str) -> tuple[int, Any]:
    response = APIClient(headers={"Host": host}).post(f"{AUTH}{path}", body)
    return response.status_code, response.json()


@pytest.fixture
def pair(acme: Tenant) -> dict[str, str]:
    make_member(acme, "member")
    _, pair = _post("", "acme.localhost", email="member@acme.test", password=PASSWORD)
    return dict(pair)


@pytest.mark.parametrize("kind", ["access", "refresh"])
@pytest.mark.parametrize("host", ["acme.localhost", "localhost"])
def test_valid_token(kind: str, host: str, pair: dict[str, str]) -> None:
    assert _post("verify/", host, token=pair[kind]) == (200, {})
    assert _post("refresh/", host, refresh=pair["refresh"])[0] == 200  # the token is still valid


@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_on_another_tenants_host(kind: str, pair: dict[str, str], globex: Tenant) -> None:
    status, body = _post("verify/", "globex.localhost", token=pair[kind])
    assert (status, body["code"]) == (401, "token_tenant_mismatch")


@pytest.mark.parametrize("kind", ["access", "refresh"])
@pytest.mark.parametrize("header", ["globex", "initech", ""])
def test_with_a_conflicting_header(
    header: str, kind: str, pair: dict[str, str], globex: Tenant
) -> None:
    client = APIClient(headers={"Host": "localhost"})
    body = {"token": pair[kind]}
    response = client.post(f"{AUTH}verify/", body, headers={"X-Tenant": header})
    assert (response.status_code, response.json()["code"]) == (401, "token_tenant_mismatch")
    response = client.post(f"{AUTH}verify/", body, headers={"X-Tenant": "acme"})
    assert response.status_code == 200


@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_token_of_a_former_member(kind: str, pair: dict[str, str]) -> None:
    Membership.platform.update(is_active=False)
    status, body = _post("verify/", "acme.localhost", token=pair[kind])
    assert (status, body["code"]) == (401, "no_active_account")


def test_token_of_a_suspended_tenant(pair: dict[str, str]) -> None:
    Tenant.objects.update(status="suspended")
    status, body = _post("verify/", "acme.localhost", token=pair["access"])
    assert (status, body["code"]) == (403, "tenant_suspended")


def test_used_refresh_token(pair: dict[str, str]) -> None:
    _post("refresh/", "acme.localhost", refresh=pair["refresh"])
    status, body = _post("verify/", "acme.localhost", token=pair["refresh"])
    assert (status, body["code"]) == (401, "token_not_valid")


@pytest.mark.parametrize("token", ["garbage", "a.b.c"])
def test_garbage(token: str, acme: Tenant) -> None:
    status, body = _post("verify/", "acme.localhost", token=token)
    assert (status, body["code"]) == (401, "token_not_valid")
