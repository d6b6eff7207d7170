"""Rates of requests, and responses to excess requests."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from allauth.account.adapter import get_adapter
from django.core.cache import caches
from django.test import Client, RequestFactory
from rest_framework.settings import api_settings
from rest_framework.test import APIClient

from apps.authentication.client_address import client_address
from apps.authentication.throttling import Throttle
from apps.isolation.testing import api_client, make_member
from config.settings.api import THROTTLE_RATES
from tests.support import at_once, run, statements

SHELVES = "/api/v1/sample/shelves/"
INVITATIONS = "/api/v1/invitations/"
TOKEN = "/api/v1/auth/token/"


@pytest.fixture
def rates(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that sets rates, and stop the clock for the test."""
    monkeypatch.setattr(Throttle, "timer", lambda self: 6_000_000_010.5)

    def rates(**rates: str) -> None:
        for scope, rate in rates.items():
            monkeypatch.setitem(api_settings.DEFAULT_THROTTLE_RATES, scope, rate)

    return rates


def _statuses(client: Any, count: int, path: str = SHELVES, **headers: str) -> list[int]:
    return [client.get(path, headers=headers).status_code for _ in range(count)]


def test_throttled_response_has_retry_after(
    acme: Any, client_of: Callable[..., Any], rates: Callable[..., None]
) -> None:
    client = client_of(acme, "member")
    rates(member="2/minute")
    assert _statuses(client, 2) == [200, 200]
    response = client.get(SHELVES)
    assert response.status_code == 429
    assert response.json() == {
        "detail": "Request was throttled. Expected available in 50 seconds.",
        "code": "throttled",
    }
    assert response.headers["Retry-After"] == "50"


def test_counter_restarts_each_minute(
    acme: Any,
    client_of: Callable[..., Any],
    rates: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = client_of(acme, "member")
    rates(member="1/minute")
    assert _statuses(client, 2) == [200, 429]
    monkeypatch.setattr(Throttle, "timer", lambda self: 6_000_000_060.0)
    assert _statuses(client, 2) == [200, 429]
    monkeypatch.setattr(Throttle, "timer", lambda self: 6_000_000_119.9)
    assert client.get(SHELVES).headers["Retry-After"] == "1"


def test_members_count_individually_and_together(
    acme: Any, client_of: Callable[..., Any], rates: Callable[..., None]
) -> None:
    member, viewer = client_of(acme, "member"), client_of(acme, "viewer")
    rates(member="2/minute", tenant="3/minute")
    assert _statuses(member, 3) == [200, 200, 429]
    assert _statuses(viewer, 1) == [429]
    rates(member="2/minute", tenant="5/minute")
    assert _statuses(viewer, 1) == [200]


def test_log_ins_count_by_address_on_all_hosts(
    acme: Any, globex: Any, rates: Callable[..., None]
) -> None:
    make_member(acme, "member")
    rates(anonymous="2/minute")
    body = {"email": "member@acme.test", "password": "guess"}
    for tenant, status in ((acme, 401), (globex, 401), (acme, 429), (globex, 429)):
        # The client's own X-Forwarded-For is ignored.
        headers = {"X-Forwarded-For": f"203.0.113.7, {uuid4()}"}
        assert api_client(tenant).post(TOKEN, body, headers=headers).status_code == status
    assert api_client(acme).post(TOKEN, body, REMOTE_ADDR="192.0.2.1").status_code == 401


def test_invitations_of_a_tenant_are_limited(
    acme: Any, globex: Any, client_of: Callable[..., Any], rates: Callable[..., None]
) -> None:
    admin, owner, member = (client_of(acme, role) for role in ("admin", "owner", "member"))
    rates(invitations="3/hour")
    invitation = admin.post(INVITATIONS, {"email": "new@example.test"}).json()["id"]
    assert member.post(INVITATIONS, {"email": "other@example.test"}).status_code == 403
    assert owner.post(f"{INVITATIONS}{invitation}/resend/").status_code == 200
    assert owner.post(INVITATIONS, {"email": "no address"}).status_code == 400
    for path in (INVITATIONS, f"{INVITATIONS}{invitation}/resend/"):
        response = admin.post(path, {"email": "more@example.test"})
        assert (response.status_code, response.json()["code"]) == (429, "throttled")
        assert int(response.headers["Retry-After"]) > 60
    # Requests without a mail, and other tenants, are not limited.
    assert _statuses(admin, 3, INVITATIONS) == [200, 200, 200]
    assert admin.delete(f"{INVITATIONS}{invitation}/").status_code == 204
    theirs = client_of(globex, "owner")
    assert theirs.post(INVITATIONS, {"email": "new@example.test"}).status_code == 201


def test_members_do_not_count_by_address(
    acme: Any, client_of: Callable[..., Any], rates: Callable[..., None]
) -> None:
    client = client_of(acme, "member")
    rates(anonymous="1/minute")
    assert _statuses(client, 3) == [200, 200, 200]


@pytest.mark.parametrize(
    ("proxies", "statuses"), [(0, [401, 429, 429]), (1, [401, 401, 429]), (2, [401, 429, 429])]
)
def test_address_behind_proxies(
    proxies: int,
    statuses: list[int],
    acme: Any,
    rates: Callable[..., None],
    settings: Any,
) -> None:
    """The nearest proxy has appended the last address. Earlier ones may be forged."""
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": proxies}
    rates(anonymous="1/minute")
    client = api_client(acme)
    body = {"email": "member@acme.test", "password": "guess"}
    forwarded = ["203.0.113.7, 192.0.2.1", "203.0.113.7, 192.0.2.2", "203.0.113.7, 192.0.2.1"]
    answers = [client.post(TOKEN, body, headers={"X-Forwarded-For": each}) for each in forwarded]
    assert [answer.status_code for answer in answers] == statuses


ADDRESSES = {
    "unknown": "unknown",
    "_hidden": "unknown",
    "": "unknown",
    "x" * 3000: "unknown",
    "1.2.3": "unknown",
    "1.2.3.4:5:6": "unknown",
    "[::1": "::1",
    "192.0.2.1": "192.0.2.1",
    "192.0.2.1:4711": "192.0.2.1",
    '"[2001:DB8::1]:4711"': "2001:db8::1",
    "2001:db8:0::1": "2001:db8::1",
    "fe80::1%eth0": "fe80::1",
    "::ffff:192.0.2.1": "192.0.2.1",
}


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("proxies", [1, 3])
def test_formats_of_forwarded_addresses(
    proxies: int, address: str, acme: Any, rates: Callable[..., None], settings: Any
) -> None:
    """Log-ins from unparsable addresses are served, and share a counter."""
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": proxies}
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    forwarded = ", ".join([address, *["10.0.0.1"] * (proxies - 1)])
    headers = {"X-Forwarded-For": forwarded or ","}
    request = RequestFactory().get("/", headers=headers)
    assert client_address(request) == get_adapter().get_client_ip(request) == ADDRESSES[address]
    body = {"email": "member@acme.test", "password": "guess"}
    settings.ACCOUNT_RATE_LIMITS = {"login": "2/m/ip"}
    caches["platform"].clear()
    answers = [api_client(acme).post(TOKEN, body, headers=headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [401, 401, 429]


def test_fewer_addresses_than_proxies(settings: Any) -> None:
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": 3}
    request = RequestFactory().get("/", headers={"X-Forwarded-For": "192.0.2.1, 10.0.0.1"})
    assert client_address(request) == "192.0.2.1"
    assert client_address(RequestFactory().get("/", REMOTE_ADDR="")) == "unknown"


@pytest.mark.django_db(transaction=True)
def test_concurrent_requests_do_not_exceed_the_rate(
    acme: Any, client_of: Callable[..., Any], rates: Callable[..., None]
) -> None:
    client = client_of(acme, "member")
    rates(member="3/minute")
    answers = at_once(8, lambda: client.get(SHELVES).status_code)
    assert sorted(answers) == [200] * 3 + [429] * 5


def test_throttles_need_no_query(
    acme: Any, client_of: Callable[..., Any], rates: Callable[..., None]
) -> None:
    client = client_of(acme, "member")
    with statements() as unlimited:
        client.get(SHELVES)
    rates(member="9/minute", tenant="9/minute")
    with statements() as limited:
        client.get(SHELVES)
    assert len(limited) == len(unlimited)


def test_tests_are_not_throttled() -> None:
    assert set(api_settings.DEFAULT_THROTTLE_RATES) == set(THROTTLE_RATES)
    assert set(api_settings.DEFAULT_THROTTLE_RATES.values()) == {None}


@pytest.mark.django_db
def test_rates_come_from_the_environment() -> None:
    script = "from config.settings.base import *; print(list(THROTTLE_RATES.values()))"
    assert "None" not in run("-c", script).stdout
    done = run("-c", script, THROTTLE_MEMBER="7/day", THROTTLE_TENANT="")
    assert done.stdout.startswith("['7/day', None, ")


REFUSED = {
    "no token": ("acme.localhost", "GET", SHELVES, {}, 401),
    "a bad token": ("acme.localhost", "GET", SHELVES, {"Authorization": "Bearer x"}, 401),
    "no such host": ("nobody.localhost", "GET", SHELVES, {}, 404),
    "no such host for an open route": ("nobody.localhost", "POST", TOKEN, {}, 404),
    "header and host": ("acme.localhost", "GET", SHELVES, {"X-Tenant": "globex"}, 400),
    "no such route": ("acme.localhost", "GET", "/api/v1/nothing/", {}, 404),
    "no such page": ("localhost", "GET", "/nothing/", {}, 404),
    "no such method": ("acme.localhost", "DELETE", TOKEN, {}, 405),
    "a malformed body": ("acme.localhost", "POST", TOKEN, {}, 400),
    "a page of members": ("acme.localhost", "GET", "/members/", {"Accept": "text/html"}, 302),
    "metrics": ("localhost", "GET", "/metrics", {"Authorization": "Bearer x"}, 404),
}


@pytest.mark.usefixtures("acme", "globex")
@pytest.mark.parametrize("asked", REFUSED.values(), ids=REFUSED)
def test_refused_requests_count(asked: Any, rates: Callable[..., None]) -> None:
    """Also requests that middleware refuses."""
    host, method, path, headers, status = asked
    rates(anonymous="3/minute")
    client = APIClient(headers={"Host": host, **headers})
    answers = [client.generic(method, path, "{}", "application/json") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [status] * 3 + [429] * 2
    assert answers[-1].headers["Retry-After"] == "50"
    # They share a counter, separate from other clients.
    assert APIClient(headers={"Host": "acme.localhost"}).get(SHELVES).status_code == 429
    assert client.generic(method, path, "{}", "application/json", REMOTE_ADDR="192.0.2.1")


@pytest.mark.parametrize(
    "asked",
    [
        ("POST", SHELVES, {"name": "x"}, 403),
        ("POST", INVITATIONS, {"email": "new@example.test"}, 403),
        ("GET", f"{SHELVES}{uuid4()}/", {}, 404),
        ("GET", "/api/v1/nothing/", {}, 404),
        ("DELETE", SHELVES, {}, 405),
        ("PATCH", "/api/v1/me/", [], 400),
    ],
)
def test_refused_requests_of_members_count(
    asked: Any, acme: Any, client_of: Callable[..., Any], rates: Callable[..., None]
) -> None:
    method, path, body, status = asked
    client = client_of(acme, "viewer")
    other = client_of(acme, "owner")
    rates(member="3/minute", anonymous="3/minute")
    answers = [client.generic(method, path, json.dumps(body), "application/json") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [status] * 3 + [429] * 2
    assert answers[-1].json()["code"] == "throttled"
    assert other.get(SHELVES).status_code == 200


def test_forged_forms_count(acme: Any, rates: Callable[..., None]) -> None:
    rates(anonymous="3/minute")
    browser = Client(enforce_csrf_checks=True, headers={"Host": "acme.localhost"})
    answers = [browser.post("/login/", {}).status_code for _ in range(5)]
    assert answers == [403] * 3 + [429] * 2


@pytest.mark.parametrize("path", [SHELVES, "/login/", "/members/", "/api/v1/nothing/"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_throttling_does_not_reveal_tenants(
    method: str, path: str, acme: Any, rates: Callable[..., None]
) -> None:
    type(acme).objects.update(status="suspended")
    observed = []
    for number, host in enumerate(("acme.localhost", "nobody.localhost")):
        rates(anonymous="3/minute")
        client = APIClient(headers={"Host": host}, REMOTE_ADDR=f"192.0.2.{number}")
        answers = [client.generic(method, path, "{}", "application/json") for _ in range(5)]
        headers = [
            {name: answer.headers.get(name) for name in ("Retry-After", "Vary", "Content-Length")}
            for answer in answers
        ]
        observed.append(
            [(a.status_code, a.content, h) for a, h in zip(answers, headers, strict=True)]
        )
    assert observed[0] == observed[1]
    assert [status for status, *_ in observed[0]] == [404] * 3 + [429] * 2


def test_refused_requests_do_not_delay_successful_ones(
    acme: Any, client_of: Callable[..., Any], rates: Callable[..., None]
) -> None:
    member = client_of(acme, "member")
    rates(anonymous="3/minute", member="9/minute")
    for _ in range(9):
        api_client(acme).get(SHELVES)
    assert _statuses(member, 2) == [200, 200]
    assert api_client(acme).get("/healthz/live").status_code == 200
