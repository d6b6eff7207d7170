"""Invalid access tokens."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
from django.conf import settings
from rest_framework.test import APIClient

from apps.authentication.tokens import key_id
from apps.isolation.testing import make_member
from apps.memberships.models import Membership
from apps.tenants.models import Tenant
from tests.support import run

HOSTS = ["acme.localhost", "localhost"]
KEY = settings.SIMPLE_JWT["SIGNING_KEY"]
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def claims(acme: Tenant) -> dict[str, Any]:
    """Return the claims of a valid token."""
    membership = make_member(acme, "member")
    now = datetime.now(UTC)
    return {
        "token_type": "access",
        "exp": now + timedelta(minutes=5),
        "iat": now,
        "jti": uuid4().hex,
        "user_id": str(membership.user_id),
        "tenant": str(acme.pk),
        "membership": str(membership.pk),
        "family": uuid4().hex,
        "stamp": membership.user.get_session_auth_hash(),
    }


def _ask(header: str, host: str) -> Any:
    client = APIClient(headers={"Host": host, "Authorization": header})
    response = client.get("/api/v1/sample/shelves/")
    if response.status_code == 401:
        assert response.headers["WWW-Authenticate"].startswith("Bearer")
    return response


def _sign(claims: dict[str, Any], key: str = KEY, algorithm: str = "HS256", **header: Any) -> str:
    return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": key_id(KEY), **header})


@pytest.mark.parametrize("host", HOSTS)
def test_valid_token(host: str, claims: dict[str, Any]) -> None:
    assert _ask(f"Bearer {_sign(claims)}", host).status_code == 200


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(
    ("form", "status"),
    [
        *(("Bearer\t{}", 200), ("Bearer  {} ", 200), ("bearer {}", 200), ("BEARER {}", 200)),
        *(("bEaReR\t{}", 200), ("Bearer{}", 401), ("bearers {}", 401), ("bearer {0} {0}", 401)),
        *(("{}", 401), ("bearer", 401), ("jwt {}", 401)),
    ],
)
def test_middleware_and_authentication_parse_the_header_equally(
    form: str, status: int, host: str, claims: dict[str, Any]
) -> None:
    assert _ask(form.format(_sign(claims)), host).status_code == status


def test_unparsable_token_names_no_tenant(claims: dict[str, Any], globex: Tenant) -> None:
    headers = {"Host": "localhost", "Authorization": f"token {_sign(claims)}"}
    response = APIClient(headers=headers).get("/api/v1/me/", headers={"X-Tenant": "globex"})
    assert (response.status_code, response.json()["code"]) == (401, "not_authenticated")


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(
    ("key", "algorithm"),
    [("", "none"), ("x" * 64, "HS256"), (settings.SECRET_KEY[:-1], "HS256"), (KEY, "HS384")],
)
def test_invalid_signature(key: str, algorithm: str, host: str, claims: dict[str, Any]) -> None:
    response = _ask(f"Bearer {_sign(claims, key, algorithm)}", host)
    assert (response.status_code, response.json()["code"]) == (401, "token_not_valid")


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(
    ("claim", "seconds", "status"),
    [
        *(("iat", 1, 200), ("iat", 8, 200), ("iat", 60, 401), ("nbf", 8, 200), ("nbf", 60, 401)),
        *(("exp", -8, 200), ("exp", -60, 401)),
    ],
)
def test_leeway_for_clock_differences(
    claim: str, seconds: int, status: int, host: str, claims: dict[str, Any]
) -> None:
    claims[claim] = int(datetime.now(UTC).timestamp()) + seconds
    assert _ask(f"Bearer {_sign(claims)}", host).status_code == status


def test_leeway_is_a_setting() -> None:
    script = "from config.settings.base import *; print(SIMPLE_JWT['LEEWAY'])"
    assert run("-c", script).stdout == "10\n"
    assert run("-c", script, JWT_LEEWAY_SECONDS="0").stdout == "0\n"


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(
    "claim", ["token_type", "exp", "jti", "user_id", "tenant", "membership", "family", "stamp"]
)
def test_missing_claim(claim: str, host: str, claims: dict[str, Any]) -> None:
    del claims[claim]
    response = _ask(f"Bearer {_sign(claims)}", host)
    assert (response.status_code, response.json()["code"]) == (401, "token_not_valid")


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("token_type", "refresh"),
        ("exp", LONG_AGO),
        ("user_id", 1),
        ("user_id", None),
        ("user_id", ["x"]),
        ("user_id", "x"),
        ("tenant", "acme"),
        ("tenant", None),
        ("tenant", {}),
        ("family", None),
        ("family", "x"),
        ("family", [uuid4().hex]),
        ("stamp", None),
        ("stamp", ""),
        ("stamp", ["x"]),
        ("stamp", "é"),
    ],
)
def test_wrong_claim(claim: str, value: object, host: str, claims: dict[str, Any]) -> None:
    response = _ask(f"Bearer {_sign({**claims, claim: value})}", host)
    assert (response.status_code, response.json()["code"]) == (401, "token_not_valid")


def test_unknown_user(claims: dict[str, Any]) -> None:
    header = f"Bearer {_sign({**claims, 'user_id': str(uuid4())})}"
    response = _ask(header, "acme.localhost")
    assert (response.status_code, response.json()["code"]) == (401, "no_active_account")
    response = _ask(header, "localhost")
    assert (response.status_code, response.json()["code"]) == (404, "tenant_not_found")


def test_unknown_tenant(claims: dict[str, Any]) -> None:
    header = f"Bearer {_sign({**claims, 'tenant': str(uuid4())})}"
    response = _ask(header, "acme.localhost")
    assert (response.status_code, response.json()["code"]) == (401, "token_tenant_mismatch")
    response = _ask(header, "localhost")
    assert (response.status_code, response.json()["code"]) == (404, "tenant_not_found")


def test_role_in_the_token_is_ignored(claims: dict[str, Any]) -> None:
    Membership.platform.update(role="viewer")
    token = _sign({**claims, "role": "owner", "is_superuser": True})
    client = APIClient(headers={"Host": "acme.localhost", "Authorization": f"Bearer {token}"})
    assert client.post("/api/v1/sample/shelves/", {"name": "x"}).status_code == 403


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "bearer", "Bearer a b", "Basic dTpw", "Token x", "Bearer \xe9", "é"],
)
def test_malformed_header(header: str, host: str, acme: Tenant) -> None:
    assert _ask(header, host).status_code == 401
