"""Log-out, and switching to another tenant."""

from typing import Any

import pytest
from rest_framework.test import APIClient
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from apps.isolation.testing import make_member
from apps.memberships.models import Membership
from apps.tenants.models import Tenant

AUTH = "/api/v1/auth/"
PASSWORD = "correct horse battery staple"


def _post(path: str, host: str = "acme.localhost", bearer: str = "", **body: Any) -> Any:
    headers = {"Host": host} | ({"Authorization": f"Bearer {bearer}"} if bearer else {})
    return APIClient(headers=headers).post(f"{AUTH}{path}", body)


def _works(pair: dict[str, str], host: str = "acme.localhost") -> bool:
    headers = {"Host": host, "Authorization": f"Bearer {pair['access']}"}
    return APIClient(headers=headers).get("/api/v1/me/").status_code == 200


def _log_in() -> dict[str, str]:
    pair: dict[str, str] = _post("token/", email="member@acme.test", password=PASSWORD).json()
    return pair


@pytest.fixture
def pair(acme: Tenant) -> dict[str, str]:
    make_member(acme, "member")
    return _log_in()


@pytest.mark.parametrize("host", ["acme.localhost", "localhost"])
def test_log_out_ends_one_log_in_at_once(host: str, pair: dict[str, str]) -> None:
    other = _log_in()
    response = _post("logout/", host, refresh=pair["refresh"])
    assert (response.status_code, response.content) == (204, b"")
    assert not _works(pair)
    assert _post("token/refresh/", refresh=pair["refresh"]).status_code == 401
    assert _works(other)
    assert _post("token/refresh/", refresh=other["refresh"]).status_code == 200


def test_log_out_is_repeatable_and_accepts_a_used_token(pair: dict[str, str]) -> None:
    new = _post("token/refresh/", refresh=pair["refresh"]).json()
    assert [_post("logout/", refresh=pair["refresh"]).status_code for _ in range(2)] == [204, 204]
    assert not _works(new)


def test_log_out_on_another_tenants_host_is_refused(pair: dict[str, str], globex: Tenant) -> None:
    response = _post("logout/", "globex.localhost", refresh=pair["refresh"])
    assert (response.status_code, response.json()["code"]) == (401, "token_tenant_mismatch")
    assert _works(pair)


def test_removed_or_suspended_users_can_log_out(pair: dict[str, str]) -> None:
    Membership.platform.update(is_active=False)
    Tenant.objects.update(status="suspended")
    assert _post("logout/", refresh=pair["refresh"]).status_code == 204
    Membership.platform.update(is_active=True)
    Tenant.objects.update(status="active")
    assert not _works(pair)


@pytest.mark.parametrize("kind", ["garbage", "access"])
def test_log_out_needs_a_refresh_token(kind: str, pair: dict[str, str]) -> None:
    response = _post("logout/", refresh=pair.get(kind, kind))
    assert (response.status_code, response.json()["code"]) == (401, "token_not_valid")
    assert _post("logout/").status_code == 400


def test_stored_tokens_cannot_be_used(pair: dict[str, str]) -> None:
    """Read access to the table must not give access to accounts."""
    kept = OutstandingToken.objects.values_list("token", flat=True)
    assert len(kept) == 1
    for token in kept:
        assert token not in pair.values()
        assert _post("token/refresh/", "localhost", refresh=token).status_code == 401


@pytest.mark.parametrize("host", ["acme.localhost", "localhost"])
def test_user_switching_tenants(host: str, pair: dict[str, str], globex: Tenant) -> None:
    """Switching returns tokens for another tenant of the user, valid only there."""
    make_member(globex, "admin", "member@acme.test")
    response = _post("switch/", host, pair["access"], tenant="globex")
    assert (response.status_code, set(response.json())) == (200, {"access", "refresh"})
    assert _works(response.json(), "globex.localhost")
    assert not _works(response.json(), "acme.localhost")
    assert _works(pair, "acme.localhost")


def test_log_out_ends_switched_tokens(pair: dict[str, str], globex: Tenant) -> None:
    make_member(globex, "admin", "member@acme.test")
    there = _post("switch/", bearer=pair["access"], tenant="globex").json()
    _post("logout/", refresh=pair["refresh"])
    assert not _works(there, "globex.localhost")


@pytest.mark.parametrize("inactive", [False, True])
def test_switch_to_a_foreign_tenant_looks_like_an_unknown_one(
    inactive: bool, pair: dict[str, str], globex: Tenant
) -> None:
    make_member(globex, "owner")
    if inactive:
        make_member(globex, "admin", "member@acme.test")
        Membership.objects.for_tenant(globex).update(is_active=False)
    slugs = ("globex", "initech", "\x7f")
    answers = [_post("switch/", bearer=pair["access"], tenant=slug) for slug in slugs]
    assert {answer.status_code for answer in answers} == {404}
    assert {answer.json()["code"] for answer in answers} == {"tenant_not_found"}


def test_members_see_that_their_tenant_is_suspended(pair: dict[str, str], globex: Tenant) -> None:
    make_member(globex, "viewer", "member@acme.test")
    Tenant.objects.filter(pk=globex.pk).update(status="suspended")
    response = _post("switch/", bearer=pair["access"], tenant="globex")
    assert (response.status_code, response.json()["code"]) == (403, "tenant_suspended")


def test_former_member_cannot_switch(pair: dict[str, str], acme: Tenant, globex: Tenant) -> None:
    make_member(globex, "viewer", "member@acme.test")
    Membership.objects.for_tenant(acme).update(is_active=False)
    assert _post("switch/", bearer=pair["access"], tenant="globex").status_code == 401
