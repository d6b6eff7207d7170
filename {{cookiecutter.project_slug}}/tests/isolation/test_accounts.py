"""Refresh tokens, hosts, suspended tenants and browsers (CT08, CT15, CT16, CT24)."""

import json
import re
import threading
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from uuid import uuid4

import jwt
import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.permissions import AllowAny
from rest_framework.test import APIClient

from apps.authentication.middleware import TENANT_URLCONF as URLCONF
from apps.authentication.tokens import key_id
from apps.isolation.testing import make_member
from apps.memberships.models import Membership
from apps.tenants.models import Domain, Tenant
from tests.support import at_once, statements

AUTH = "/api/v1/auth/"
ACME, GLOBEX, SHARED = "acme.localhost", "globex.localhost", "localhost"
PASSWORD = "correct horse battery staple"
KEY = settings.SIMPLE_JWT["SIGNING_KEY"]


def _post(path: str, host: str = ACME, bearer: str = "", **body: Any) -> Any:
    headers = {"Host": host} | ({"Authorization": f"Bearer {bearer}"} if bearer else {})
    return APIClient(headers=headers).post(f"{AUTH}{path}", body)


def _refresh(token: str, host: str = ACME) -> Any:
    return _post("token/refresh/", host, refresh=token)


def _status_of(access: str, host: str = ACME, path: str = "/api/v1/sample/shelves/") -> int:
    headers = {"Host": host, "Authorization": f"Bearer {access}"}
    status: int = APIClient(headers=headers).get(path).status_code
    return status


@pytest.fixture
def log_in(acme: Tenant, globex: Tenant) -> Callable[..., dict[str, str]]:
    """Return a function that logs in a member of both tenants: ``log_in("globex.localhost")``."""
    make_member(acme, "member")
    make_member(globex, "admin", "member@acme.test")

    def log_in(host: str = ACME) -> dict[str, str]:
        pair: dict[str, str] = _post(
            "token/", host, email="member@acme.test", password=PASSWORD
        ).json()
        return pair

    return log_in


# CT08, refresh tokens.


@pytest.mark.parametrize("host", [ACME, SHARED])
def test_ct08_refresh_token_is_valid_once_on_any_host(host: str, log_in: Any) -> None:
    pair = log_in()
    new = _refresh(pair["refresh"], host)
    assert new.status_code == 200
    assert _status_of(new.json()["access"], host) == 200
    for again in (ACME, SHARED, GLOBEX):
        assert _refresh(pair["refresh"], again).status_code == 401


def test_ct08_reused_token_ends_its_log_in_only(log_in: Any) -> None:
    first, other = log_in(), log_in()
    second = _refresh(first["refresh"]).json()
    third = _refresh(second["refresh"]).json()
    there = _post("switch/", bearer=third["access"], tenant="globex").json()
    assert _status_of(there["access"], GLOBEX) == 200
    assert _refresh(first["refresh"]).status_code == 401
    for pair, host in ((first, ACME), (second, ACME), (third, ACME), (there, GLOBEX)):
        assert _status_of(pair["access"], host) == 401
        assert _status_of(pair["access"], SHARED) == 401
        assert _refresh(pair["refresh"], host).status_code == 401
        assert _post("token/verify/", host, token=pair["access"]).status_code == 401
    assert _status_of(other["access"]) == 200
    assert _refresh(other["refresh"]).status_code == 200


@pytest.mark.two_connections
@pytest.mark.django_db(transaction=True)
def test_ct08_concurrent_refreshes_succeed_once(log_in: Any) -> None:
    """Eight clients use each of twenty tokens at the same time."""
    tokens, start = [log_in()["refresh"] for _ in range(20)], threading.Barrier(8)

    def try_all() -> list[int]:
        statuses = []
        for token in tokens:
            start.wait(timeout=30)
            statuses.append(_refresh(token).status_code)
        return statuses

    for trial in zip(*at_once(8, try_all), strict=True):
        assert sorted(trial) == [200, *[401] * 7]


def test_ct08_token_is_not_refreshed_on_another_tenants_host(log_in: Any) -> None:
    """Not even for a member of both tenants. The token stays valid."""
    pair = log_in()
    for path, body in (("token/refresh/", "refresh"), ("logout/", "refresh")):
        response = _post(path, GLOBEX, **{body: pair["refresh"]})
        assert (response.status_code, response.json()["code"]) == (401, "token_tenant_mismatch")
    assert _refresh(pair["refresh"]).status_code == 200


def _unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    parts = [
        urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
        for part in (header, claims)
    ]
    return ".".join([*parts, ""])


def _signed(claims: dict[str, Any], key: str = KEY, **header: Any) -> str:
    header = {"alg": "HS256", "kid": key_id(KEY)} | header
    return jwt.encode(claims, key, algorithm=header["alg"], headers=header)


FORGERIES: dict[str, Callable[[dict[str, Any]], str]] = {
    "unsigned": lambda claims: _unsigned({"alg": "none", "typ": "JWT"}, claims),
    "unsigned, with our key's name": lambda claims: _unsigned(
        {"alg": "none", "kid": key_id(KEY)}, claims
    ),
    "another key": lambda claims: _signed(claims, "x" * 64),
    "another key that it names": lambda claims: _signed(claims, "x" * 64, kid=key_id("x" * 64)),
    "another key that it brings": lambda claims: _signed(
        claims, "x" * 64, jwk={"kty": "oct", "k": "eHh4"}, jku="https://evil.test/keys"
    ),
    "a path as the key's name": lambda claims: _signed(claims, "x" * 64, kid="/dev/null"),
    "an empty key": lambda claims: _unsigned({"alg": "HS256", "kid": key_id(KEY)}, claims),
    "another algorithm": lambda claims: _signed(claims, alg="HS512"),
    "no key's name": lambda claims: jwt.encode(claims, KEY),
}


def _claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


@pytest.mark.parametrize("host", [ACME, SHARED])
@pytest.mark.parametrize("forgery", FORGERIES)
@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_ct08_forged_token_is_rejected(forgery: str, host: str, log_in: Any) -> None:
    pair = log_in()
    access, refresh = (_claims_of(pair[kind]) for kind in ("access", "refresh"))
    assert _status_of(_signed(access), host) == 200  # a correct signature is accepted
    assert _status_of(FORGERIES[forgery](access), host) == 401
    assert _refresh(FORGERIES[forgery](refresh), host).status_code == 401
    assert _post("logout/", host, refresh=FORGERIES[forgery](refresh)).status_code == 401
    assert _refresh(_signed(refresh), host).status_code == 200


CLAIMS = ["token_type", "exp", "jti", "user_id", "tenant", "family", "stamp"]


@pytest.mark.parametrize("host", [ACME, SHARED])
@pytest.mark.parametrize("claim", CLAIMS)
def test_ct08_token_without_a_claim_is_rejected(claim: str, host: str, log_in: Any) -> None:
    for kind, use in (("access", _status_of), ("refresh", _refresh)):
        claims = _claims_of(log_in()[kind])
        del claims[claim]
        answer = use(_signed(claims), host)
        assert getattr(answer, "status_code", answer) == 401, kind


@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_ct08_access_and_refresh_tokens_are_not_interchangeable(kind: str, log_in: Any) -> None:
    token = log_in()[kind]
    answer = _refresh(token).status_code if kind == "access" else _status_of(token)
    assert answer == 401


# CT15, hosts.


@pytest.mark.parametrize(
    ("host", "status"),
    [
        *((host, 200) for host in (ACME, "ACME.LocalHost", f"{ACME}.", f"{ACME}:80", f"{ACME}.:1")),
        *((host, 200) for host in (SHARED, "LOCALHOST", f"{SHARED}:8000", f"{SHARED}.")),
        *((host, 200) for host in ("127.0.0.1", "127.0.0.1:8000")),
        *((host, 401) for host in (GLOBEX, "GLOBEX.localhost.", f"{GLOBEX}:443")),
        *((host, 404) for host in ("initech.localhost", f"www.{ACME}", f"a.{ACME}", "acme")),
        *((host, 404) for host in (f"{ACME}.evil.test", f"evil.{ACME}", f"{ACME}..", "..", ".")),
        *((host, 404) for host in ("acme..localhost", f".{ACME}", "[::1]", "[::1]:80", "[::]")),
        *((host, 404) for host in (f"{ACME}:x", f"{ACME}:-1", f"{ACME}:80:80", "acme_localhost")),
        *((host, 404) for host in (f"{ACME}@evil.test", f"evil.test@{ACME}", f"{ACME}/", "*")),
        *((host, 404) for host in (f"{ACME},{GLOBEX}", f"{ACME} {GLOBEX}", f"{ACME}#", "%61cme")),
        *((host, 404) for host in ("acme\u3002localhost", "acm\xe9.localhost", f"{ACME}\0", "")),
        *((host, 404) for host in (f"{'a' * 64}.localhost", f"{'a.' * 200}localhost", "0", "::1")),
    ],
)
def test_ct15_host_belongs_to_one_tenant_or_to_none(host: str, status: int, log_in: Any) -> None:
    """Only hosts of acme accept a token of acme."""
    client = APIClient(headers={"Authorization": f"Bearer {log_in()['access']}"})
    response = client.get("/api/v1/me/", headers={"Host": host})
    assert response.status_code == status
    if status == 200:
        assert response.json()["tenant"]["slug"] == "acme"
    if status == 404:
        assert response.json()["code"] == "tenant_not_found"


FORWARDED = ["X-Forwarded-Host", "Forwarded", "X-Original-Host", "X-Host", "X-Forwarded-Server"]


@pytest.mark.parametrize("name", FORWARDED)
def test_ct15_forwarded_headers_do_not_change_the_host(name: str, log_in: Any) -> None:
    headers = {"Authorization": f"Bearer {log_in()['access']}"}
    for host, claimed, status in ((ACME, GLOBEX, 200), (GLOBEX, ACME, 401)):
        value = f"host={claimed}" if name == "Forwarded" else claimed
        client = APIClient(headers={**headers, "Host": host, name: value})
        assert client.get("/api/v1/me/").status_code == status


def test_ct15_custom_domain_works_in_every_spelling(acme: Tenant, log_in: Any) -> None:
    Domain(tenant=acme, domain="xn--bcher-kva.example").save()
    access = log_in()["access"]
    for host in ("xn--bcher-kva.example", "XN--BCHER-KVA.example.:443"):
        assert _status_of(access, host) == 200
    assert _status_of(access, "www.xn--bcher-kva.example") == 404


HOSTS = [ACME, "ACME.localhost:6666", SHARED, "localhost:6666", "LOCALHOST.", "127.0.0.1:6666"]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("path", ["password/reset/", "email/resend/"])
def test_ct15_links_in_mails_do_not_use_the_host_header(
    path: str, host: str, log_in: Any, mailoutbox: list[Any], settings: Any
) -> None:
    settings.PLATFORM_ORIGIN = "https://app.example.com"
    headers = {"Host": host} | dict.fromkeys(FORWARDED, "evil.test")
    for email in ("member@acme.test", "nobody@acme.test"):
        assert APIClient(headers=headers).post(f"{AUTH}{path}", {"email": email}).status_code == 204
    for mail in mailoutbox:
        text = f"{mail.subject}{mail.body}{mail.extra_headers}"
        assert not re.search(r"localhost|127\.0\.0\.1|6666|evil", text)
    assert "https://app.example.com/" in mailoutbox[0].body


# CT16, suspended tenants, inactive and deleted users.


def _routes(resolver: URLResolver, prefix: str = "/") -> Iterator[tuple[str, Any]]:
    for pattern in resolver.url_patterns:
        route = prefix + re.sub(
            r"\(\?P<\w+>[^)]*\)|<[^>]+>", str(uuid4()), str(pattern.pattern)
        ).strip("^$").replace(r"\Z", "")
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern, route)
        elif isinstance(pattern, URLPattern) and route.startswith("/api/v1/"):
            yield route, getattr(pattern.callback, "cls", None)


# Routes that authenticate by a header; the others use credentials in the body.
ROUTES = [
    path
    for path, view in _routes(get_resolver(URLCONF))
    if view.authentication_classes and AllowAny not in view.permission_classes
]
METHODS = ["get", "post", "put", "patch", "delete", "options"]


def _answers(access: str, host: str, methods: Iterable[str] = METHODS) -> set[tuple[int, str]]:
    """Send every method to every route; return statuses and codes of the responses."""
    headers = {"Host": host} | ({"Authorization": f"Bearer {access}"} if access else {})
    client = APIClient(headers=headers)
    responses = [getattr(client, method)(path) for path in ROUTES for method in methods]
    return {(response.status_code, response.json().get("code", "")) for response in responses}


def test_ct16_routes_answer_members(log_in: Any) -> None:
    assert {"/api/v1/me/", "/api/v1/sample/shelves/", "/api/v1/sample/books/"} < set(ROUTES)
    assert len([path for path in ROUTES if re.search("[0-9a-f]{8}-", path)]) >= 2
    answers = _answers(log_in()["access"], ACME, methods=["get", "options"])
    statuses = {status for status, _ in answers}
    assert 200 in statuses
    assert statuses <= {200, 403, 404, 405}


@pytest.mark.parametrize("status", ["suspended", "archived"])
def test_ct16_suspended_tenant_is_visible_to_its_members_only(
    status: str, acme: Tenant, globex: Tenant, log_in: Any, client_of: Any
) -> None:
    member, theirs = log_in(), log_in(GLOBEX)
    Tenant.objects.filter(pk=acme.pk).update(status=status)
    for host in (ACME, SHARED):
        assert _answers(member["access"], host) == {(403, "tenant_suspended")}
        for response in (
            _refresh(member["refresh"], host),
            _post("token/verify/", host, token=member["access"]),
            _post("token/verify/", host, token=member["refresh"]),
            _post("token/", host, email="member@acme.test", password=PASSWORD, tenant="acme"),
        ):
            assert (response.status_code, response.json()["code"]) == (403, "tenant_suspended")
    # Others get 404: without a token, with another tenant's token, with an invalid one.
    for stranger in ("", theirs["access"], "x"):
        assert _answers(stranger, ACME) == {(404, "tenant_not_found")}
    Membership.objects.for_tenant(acme).update(is_active=False)
    for host in (ACME, SHARED):
        assert _answers(member["access"], host) == {(404, "tenant_not_found")}
    # The other tenant is not affected.
    assert _status_of(theirs["access"], GLOBEX) == 200


def test_ct16_anonymous_requests_do_not_throttle_members(log_in: Any) -> None:
    access = log_in()["access"]
    _status_of(access)
    with statements() as sent:
        assert _status_of(access) == 200
    assert len(sent) == 2, sent


def _deactivate(user: Any) -> None:
    user.is_active = False
    user.save()


def _delete(user: Any) -> None:
    """Delete a user, which the platform never does, but a restored backup may."""
    Membership.objects.for_user(user).delete()
    user.delete()


def _change_password(user: Any) -> None:
    user.set_password("a much better horse")
    user.save()


@pytest.mark.parametrize("end", [_deactivate, _delete])
def test_ct16_inactive_or_deleted_user_is_rejected(end: Any, log_in: Any) -> None:
    pairs = {ACME: log_in(), GLOBEX: log_in(GLOBEX)}
    end(get_user_model()._default_manager.get())
    for host, pair in pairs.items():
        assert _answers(pair["access"], host) == {(401, "no_active_account")}
        assert _answers(pair["access"], SHARED) == {(404, "tenant_not_found")}
        for response in (
            _refresh(pair["refresh"], host),
            _refresh(pair["refresh"], SHARED),
            _post("token/verify/", host, token=pair["access"]),
            _post("token/verify/", SHARED, token=pair["refresh"]),
            _post("token/", host, email="member@acme.test", password=PASSWORD),
        ):
            assert (response.status_code, response.json()["code"]) == (401, "no_active_account")
        assert _post("logout/", host, refresh=pair["refresh"]).status_code == 204


# CT24, browsers.


@pytest.fixture
def staff(acme: Tenant, globex: Tenant) -> Client:
    """Return a browser with a session of platform staff who is also a member."""
    users: Any = get_user_model()._default_manager
    users.create_superuser("root@example.test", PASSWORD)
    make_member(acme, "owner", "root@example.test")
    browser = Client(headers={"Host": SHARED})
    browser.get("/admin/login/")
    browser.post("/admin/login/", {"username": "root@example.test", "password": PASSWORD})
    assert browser.get("/admin/").status_code == 200
    return browser


def test_ct24_cookies_are_limited_to_one_host_and_hidden_from_scripts(staff: Client) -> None:
    cookies = staff.cookies
    assert {"sessionid", "csrftoken"} <= set(cookies)
    for cookie in cookies.values():
        assert (cookie["domain"], cookie["samesite"]) == ("", "Lax")
    assert cookies["sessionid"]["httponly"]


@pytest.mark.parametrize("host", [ACME, GLOBEX])
def test_ct24_session_is_invalid_on_another_host(host: str, staff: Client) -> None:
    assert staff.get("/admin/", headers={"Host": host}).status_code == 404
    for path in ROUTES:
        assert staff.get(path, headers={"Host": host}).status_code == 401
        assert staff.get(path, headers={"X-Tenant": "acme"}).status_code == 401


def test_ct24_api_sets_no_cookie(log_in: Any) -> None:
    pair = log_in()
    for host in (ACME, SHARED):
        for response in (
            _post("token/", host, email="member@acme.test", password=PASSWORD, tenant="acme"),
            _post("switch/", host, pair["access"], tenant="globex"),
            _post("password/reset/", host, email="member@acme.test"),
            _post("email/verify/", host, token="x"),
            APIClient(headers={"Host": host}).get("/api/v1/me/"),
        ):
            assert not response.cookies


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (f"http://{SHARED}", 302),
        *((f"http://{host}", 403) for host in (ACME, GLOBEX, "evil.test", f"{SHARED}.evil.test")),
        *((origin, 403) for origin in (f"https://{SHARED}", f"http://{SHARED}:1", "null")),
    ],
)
def test_ct24_form_from_another_host_is_rejected(origin: str, status: int, staff: Client) -> None:
    browser = Client(enforce_csrf_checks=True, headers={"Host": SHARED, "Origin": origin})
    browser.get("/admin/login/")
    token = browser.cookies["csrftoken"].value
    login = {"username": "root@example.test", "password": PASSWORD, "csrfmiddlewaretoken": token}
    assert browser.post("/admin/login/", login).status_code == status


@pytest.mark.parametrize("host", [ACME, SHARED])
@pytest.mark.parametrize("origin", [f"http://{GLOBEX}", f"http://{ACME}", "https://evil.test"])
def test_ct24_scripts_of_other_origins_cannot_read_responses(
    origin: str, host: str, log_in: Any
) -> None:
    headers = {"Host": host, "Origin": origin, "Authorization": f"Bearer {log_in()['access']}"}
    client = APIClient(headers=headers)
    asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "x"}
    for response in (
        client.get("/api/v1/me/"),
        client.options("/api/v1/me/", headers=asked),
        APIClient(headers={"Host": host, "Origin": origin}).options("/api/v1/me/", headers=asked),
        client.post(f"{AUTH}token/", {}),
    ):
        assert not [name for name in response.headers if name.startswith("Access-Control-")]


def test_ct24_changed_password_ends_all_log_ins(staff: Client, acme: Tenant) -> None:
    body = {"email": "root@example.test", "password": PASSWORD}
    here, elsewhere = (_post("token/", ACME, **body).json() for _ in range(2))
    _change_password(get_user_model()._default_manager.get())
    assert staff.get("/admin/").status_code == 302  # to the log-in
    for pair in (here, elsewhere):
        for host in (ACME, SHARED):
            assert _answers(pair["access"], host) == {(401, "token_not_valid")}
            assert _refresh(pair["refresh"], host).status_code == 401
            assert _post("token/verify/", host, token=pair["access"]).status_code == 401


def test_ct24_log_out_ends_a_log_in_on_every_host(log_in: Any) -> None:
    pair, other = log_in(), log_in()
    there = _post("switch/", bearer=pair["access"], tenant="globex").json()
    assert _post("logout/", SHARED, refresh=pair["refresh"]).status_code == 204
    for tokens, home in ((pair, ACME), (there, GLOBEX)):
        for host in (home, SHARED):
            assert _status_of(tokens["access"], host) == 401
            assert _refresh(tokens["refresh"], host).status_code == 401
    assert _status_of(other["access"]) == 200
