"""Refresh tokens: valid once, in their tenant, while the user is a member."""

from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from apps.authentication.tokens import TenantRefreshToken
from apps.isolation.testing import make_member
from apps.memberships.models import Membership
from apps.tenants.models import Tenant

AUTH = "/api/v1/auth/token/"
PASSWORD = "correct horse battery staple"


def _post(path: str, host: str = "acme.localhost", **body: Any) -> Any:
    return APIClient(headers={"Host": host}).post(f"{AUTH}{path}", body)


def _refresh(token: Any, host: str = "acme.localhost") -> tuple[int, Any]:
    response = _post("refresh/", host, refresh=token)
    if response.status_code == 401:
        assert response.headers["WWW-Authenticate"].startswith("Bearer")
    return response.status_code, response.json()


@pytest.fixture
def pair(acme: Tenant) -> dict[str, str]:
    make_member(acme, "member")
    return _log_in()


def _log_in() -> dict[str, str]:
    pair: dict[str, str] = _post("", email="member@acme.test", password=PASSWORD).json()
    return pair


@pytest.mark.parametrize("host", ["acme.localhost", "localhost"])
def test_refresh_returns_a_valid_pair(host: str, pair: dict[str, str]) -> None:
    status, new = _refresh(pair["refresh"], host)
    assert (status, set(new)) == (200, {"access", "refresh"})
    client = APIClient(headers={"Host": host, "Authorization": f"Bearer {new['access']}"})
    assert client.get("/api/v1/me/").json()["role"] == "member"
    assert _refresh(new["refresh"], host)[0] == 200


def test_refresh_token_is_valid_once(pair: dict[str, str]) -> None:
    assert _refresh(pair["refresh"])[0] == 200
    for host in ("acme.localhost", "localhost"):
        status, body = _refresh(pair["refresh"], host)
        assert (status, body["code"]) == (401, "token_not_valid")


def test_another_tenants_host_refuses_the_token_without_using_it(
    pair: dict[str, str], globex: Tenant
) -> None:
    make_member(globex, "member", "member@acme.test")
    status, body = _refresh(pair["refresh"], "globex.localhost")
    assert (status, body["code"]) == (401, "token_tenant_mismatch")
    assert _refresh(pair["refresh"])[0] == 200


def _deactivate_user() -> None:
    user = Membership.platform.get().user
    user.is_active = False
    user.save()


def _delete_user() -> None:
    """Delete a user, which the platform never does, but a restored backup may."""
    membership = Membership.platform.get()
    membership.delete()
    membership.user.delete()


REMOVALS: dict[str, Any] = {
    "removed": lambda: Membership.platform.all().delete(),
    "inactive member": lambda: Membership.platform.update(is_active=False),
    "inactive user": _deactivate_user,
    "deleted user": _delete_user,
}


@pytest.mark.parametrize("host", ["acme.localhost", "localhost"])
@pytest.mark.parametrize("removal", REMOVALS)
def test_former_member_gets_no_token(removal: str, host: str, pair: dict[str, str]) -> None:
    REMOVALS[removal]()
    status, body = _refresh(pair["refresh"], host)
    assert (status, body["code"]) == (401, "no_active_account")


def test_demotion_keeps_the_token(pair: dict[str, str]) -> None:
    Membership.platform.update(role="viewer")
    assert _refresh(pair["refresh"])[0] == 200


def test_suspension_keeps_tokens_but_refuses_access(pair: dict[str, str], acme: Tenant) -> None:
    Tenant.objects.update(status="suspended")
    status, body = _refresh(pair["refresh"])
    assert (status, body["code"]) == (403, "tenant_suspended")
    Tenant.objects.update(status="active")
    assert _refresh(pair["refresh"])[0] == 200


@pytest.mark.parametrize("header", ["globex", "initech", ""])
def test_conflicting_header_refuses_the_token_without_using_it(
    header: str, pair: dict[str, str], globex: Tenant
) -> None:
    client = APIClient(headers={"Host": "localhost"})
    body = {"refresh": pair["refresh"]}
    response = client.post(f"{AUTH}refresh/", body, headers={"X-Tenant": header})
    assert (response.status_code, response.json()["code"]) == (401, "token_tenant_mismatch")
    response = client.post(f"{AUTH}refresh/", body, headers={"X-Tenant": "acme"})
    assert response.status_code == 200


@pytest.mark.parametrize("claim", ["user_id", "tenant"])
def test_signed_token_of_an_unknown_user_is_refused(claim: str, pair: dict[str, str]) -> None:
    token = TenantRefreshToken(pair["refresh"])  # type: ignore[arg-type] # its stubs know no text
    token[claim] = str(uuid4())
    status, body = _refresh(str(token), "localhost")
    assert (status, body["code"]) == (401, "no_active_account")


@pytest.mark.parametrize(
    "claim", ["user_id", "tenant", "jti", "exp", "token_type", "family", "stamp"]
)
@pytest.mark.parametrize("value", [None, 7, [], {}])
def test_signed_token_with_an_invalid_claim_is_refused(
    claim: str, value: object, pair: dict[str, str]
) -> None:
    token = TenantRefreshToken(pair["refresh"])  # type: ignore[arg-type]
    token[claim] = value
    if value is None:
        del token[claim]
    for host in ("acme.localhost", "localhost"):
        assert _refresh(str(token), host)[0] == 401


@pytest.mark.parametrize("token", ["garbage", "a.b.c", "é", "x" * 1_000])
def test_garbage_is_refused(token: str, acme: Tenant) -> None:
    status, body = _refresh(token)
    assert (status, body["code"]) == (401, "token_not_valid")


@pytest.mark.parametrize("token", ["", None, 7.5, [], {}, "\0", "x" * 10_000])
def test_missing_token(token: object, acme: Tenant) -> None:
    response = APIClient(headers={"Host": "acme.localhost"}).post(
        f"{AUTH}refresh/", {"refresh": token}
    )
    assert response.status_code in {400, 401}


def test_access_token_is_no_refresh_token(pair: dict[str, str]) -> None:
    status, body = _refresh(pair["access"])
    assert (status, body["code"]) == (401, "token_not_valid")
