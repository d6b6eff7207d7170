"""Log-in."""

from typing import Any

import jwt
import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from rest_framework.test import APIClient

from apps.isolation.testing import make_member
from apps.memberships.models import Membership
from apps.tenants.models import Tenant
from tests.support import statements

TOKEN = "/api/v1/auth/token/"
PASSWORD = "correct horse battery staple"
NO_ACTIVE_ACCOUNT = {
    "detail": "No active account with these credentials.",
    "code": "no_active_account",
}


def _post(host: str, header: str | None = None, **body: str) -> Any:
    headers = {"Host": host} | ({"X-Tenant": header} if header is not None else {})
    body = {"email": "member@acme.test", "password": PASSWORD} | body
    return APIClient(headers=headers).post(TOKEN, body)


@pytest.fixture(autouse=True)
def members(acme: Tenant, globex: Tenant) -> None:
    make_member(acme, "member")
    make_member(globex, "admin")


@pytest.mark.parametrize("body", [{}, {"tenant": "acme"}, {"tenant": "ACME"}])
def test_log_in_on_a_tenants_host(body: dict[str, str], acme: Tenant) -> None:
    response = _post("acme.localhost", **body)
    assert response.status_code == 200
    assert set(response.json()) == {"access", "refresh"}
    assert _claims(response.json()["access"])["tenant"] == str(acme.pk)


def test_log_in_on_the_shared_host_names_the_tenant(acme: Tenant) -> None:
    response = _post("localhost", tenant="acme")
    assert response.status_code == 200
    assert _claims(response.json()["access"])["tenant"] == str(acme.pk)


@pytest.mark.parametrize("body", [{}, {"tenant": "acme"}])
def test_header_names_the_tenant_on_the_shared_host(body: dict[str, str], acme: Tenant) -> None:
    response = _post("localhost", "ACME", **body)
    assert response.status_code == 200
    assert _claims(response.json()["access"])["tenant"] == str(acme.pk)


def test_addresses_are_case_insensitive() -> None:
    assert _post("acme.localhost", email="Member@ACME.test").status_code == 200


def _claims(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_token_contains_user_and_tenant_but_no_role(kind: str, acme: Tenant) -> None:
    claims = _claims(_post("acme.localhost").json()[kind])
    assert set(claims) == {
        "token_type",
        "exp",
        "iat",
        "jti",
        "user_id",
        "tenant",
        "membership",
        "family",
        "stamp",
    }
    user_id = Membership.objects.for_tenant(acme).get().user_id
    assert (claims["tenant"], claims["user_id"]) == (str(acme.pk), str(user_id))


FAILURES: dict[str, tuple[str, dict[str, str]]] = {
    "a wrong password": ("acme.localhost", {"password": "wrong"}),
    "a password with spaces around": ("acme.localhost", {"password": f" {PASSWORD} "}),
    "an unknown user": ("acme.localhost", {"email": "nobody@acme.test"}),
    "a user of another tenant": ("acme.localhost", {"email": "admin@globex.test"}),
    "another tenant than the host's": ("acme.localhost", {"tenant": "globex"}),
    "an unknown tenant on a tenant's host": ("acme.localhost", {"tenant": "initech"}),
    "a wrong password on the shared host": ("localhost", {"tenant": "acme", "password": "wrong"}),
    "a tenant of others": ("localhost", {"tenant": "globex"}),
    "an unknown tenant": ("localhost", {"tenant": "initech"}),
    "no tenant on the shared host": ("localhost", {}),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_failures_get_the_same_response(failure: str) -> None:
    host, body = FAILURES[failure]
    response = _post(host, **body)
    assert (response.status_code, response.json()) == (401, NO_ACTIVE_ACCOUNT)
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("failure", FAILURES)
def test_failures_take_the_same_time(failure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing dominates the time, so skipping it would reveal unknown users."""
    hashed = []
    encode = MD5PasswordHasher.encode

    def note(hasher: MD5PasswordHasher, password: str, salt: str) -> str:
        hashed.append(password)
        return encode(hasher, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", note)
    host, body = FAILURES[failure]
    _post(host, **body)
    assert len(hashed) == 1


@pytest.mark.parametrize(
    ("header", "tenant"),
    [
        *(("globex", "acme"), ("acme", "globex"), ("initech", "acme"), ("acme", "initech")),
        *(("", "acme"), ("a\0b", "acme"), ("initech", "initrode")),
    ],
)
def test_conflicting_header_and_body_look_like_a_wrong_password(header: str, tenant: str) -> None:
    response = _post("localhost", header, tenant=tenant)
    assert (response.status_code, response.json()) == (401, NO_ACTIVE_ACCOUNT)


@pytest.mark.parametrize("header", [None, "acme"])
def test_foreign_and_unknown_tenants_cost_the_same(header: str | None) -> None:
    costs = []
    for slug in ("globex", "initech"):
        with statements() as sent:
            _post("localhost", header, tenant=slug)
        costs.append(len(sent))
    assert costs[0] == costs[1]


@pytest.mark.parametrize("who", ["user", "membership"])
def test_deactivated_user_cannot_log_in(who: str, acme: Tenant) -> None:
    member = Membership.objects.for_tenant(acme).get()
    row = member.user if who == "user" else member
    row.is_active = False
    row.save()
    response = _post("acme.localhost")
    assert (response.status_code, response.json()) == (401, NO_ACTIVE_ACCOUNT)


@pytest.mark.parametrize("status", ["suspended", "archived"])
def test_only_members_see_that_a_tenant_is_suspended(status: str, acme: Tenant) -> None:
    Tenant.objects.filter(pk=acme.pk).update(status=status)
    for host, tenant, none in (
        ("acme.localhost", {}, (404, "tenant_not_found")),
        ("localhost", {"tenant": "acme"}, (401, "no_active_account")),
    ):
        response = _post(host, **tenant)
        assert (response.status_code, response.json()["code"]) == (403, "tenant_suspended")
        for stranger in ({"password": "wrong"}, {"email": "admin@globex.test"}):
            response = _post(host, **tenant, **stranger)
            assert (response.status_code, response.json()["code"]) == none


def test_tenant_in_preparation_answers_with_retry_after(acme: Tenant) -> None:
    Tenant.objects.filter(pk=acme.pk).update(status="preparing")
    response = _post("localhost", tenant="acme")
    assert (response.status_code, response.json()["code"]) == (503, "tenant_not_ready")
    assert int(response.headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"email": "no address"}, "email"),
        ({"email": ""}, "email"),
        ({"password": ""}, "password"),
        ({"password": "\0"}, "password"),
        ({"tenant": "\0"}, "tenant"),
    ],
)
def test_malformed_body_is_a_bad_request(body: dict[str, str], field: str) -> None:
    response = _post("acme.localhost", **body)
    assert response.status_code == 400
    assert list(response.json()) == [field]


@pytest.mark.parametrize("body", ["[]", "null", '"x"', "{", "\xff"])
def test_non_object_body_is_a_bad_request(body: str) -> None:
    client = APIClient(headers={"Host": "acme.localhost"})
    response = client.post(TOKEN, body, content_type="application/json")
    assert response.status_code == 400


@pytest.mark.parametrize("host", ["acme.localhost", "localhost"])
@pytest.mark.parametrize("body", ["[" * 100_000, '{"email":' * 100_000])
def test_deeply_nested_json_is_a_bad_request(body: str, host: str) -> None:
    client = APIClient(headers={"Host": host})
    response = client.post(TOKEN, body, content_type="application/json")
    assert (response.status_code, response.json()["code"]) == (400, "parse_error")


@pytest.mark.parametrize("host", ["acme.localhost", "localhost"])
def test_an_authorization_header_plays_no_part(host: str) -> None:
    """Clients that keep a token, even of another tenant, send it with every request."""
    other = _post("localhost", tenant="globex", email="admin@globex.test").json()["access"]
    for token in ("garbage", other):
        client = APIClient(headers={"Host": host, "Authorization": f"Bearer {token}"})
        body = {"email": "member@acme.test", "password": PASSWORD, "tenant": "acme"}
        response = client.post(TOKEN, body)
        assert response.status_code == 200
        refresh = response.json()["refresh"]
        assert client.post(f"{TOKEN}verify/", {"token": refresh}).status_code == 200
        assert client.post(f"{TOKEN}refresh/", {"refresh": refresh}).status_code == 200
