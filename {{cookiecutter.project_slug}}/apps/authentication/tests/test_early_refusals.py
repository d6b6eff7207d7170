"""Throttled clients are refused again without a query."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import caches
from django.test import RequestFactory
from rest_framework.exceptions import Throttled
from rest_framework.throttling import SimpleRateThrottle

from apps.authentication.early_refusals import refuse_again
from apps.authentication.throttling import Throttle
from apps.isolation import ActiveTenant
from apps.isolation.testing import api_client
from tests.support import statements

pytestmark = pytest.mark.django_db(transaction=True)

ME = "/api/v1/me/"
LOCMEM = "django.core.cache.backends.locmem.LocMemCache"


@pytest.fixture
def limit(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that sets rates, such as ``limit(member="2/minute")``."""
    settings.CACHES = {**settings.CACHES, "throttled": {"BACKEND": LOCMEM, "LOCATION": "throttled"}}
    caches["throttled"].clear()
    # In the middle of a minute, so that it does not end during a test.
    monkeypatch.setattr(Throttle, "timer", lambda self: 6_000_000_030.0)

    def set_rates(**rates: str) -> None:
        every = dict.fromkeys(("member", "tenant", "invitations", "anonymous"))
        monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", every | rates)

    return set_rates


def _statuses(client: Any, times: int, path: str = ME) -> list[int]:
    return [client.get(path).status_code for _ in range(times)]


@pytest.mark.parametrize("scope", ["member", "tenant"])
@pytest.mark.parametrize("host", ["acme.localhost", "localhost"])
def test_throttled_member_is_refused_without_a_query(
    scope: str, host: str, acme: Any, client_of: Callable[..., Any], limit: Callable[..., None]
) -> None:
    limit(**{scope: "2/minute"})
    client = client_of(acme, "member")
    client.defaults["HTTP_HOST"] = host
    assert _statuses(client, 3) == [200, 200, 429]
    with statements() as sent:
        response = client.get(ME)
    assert (response.status_code, response.json()["code"]) == (429, "throttled")
    assert 1 <= int(response.headers["Retry-After"]) <= 30
    assert sent == []


@pytest.mark.parametrize("member", [True, False])
def test_flood_logs_one_line(
    member: bool,
    acme: Any,
    client_of: Callable[..., Any],
    limit: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = client_of(acme, "member") if member else api_client(acme)
    limit(member="1/minute", anonymous="1/minute")
    assert _statuses(client, 4)[1:] == [429, 429, 429]
    lines = [record for record in caplog.records if "429" in str(vars(record).get("status_code"))]
    assert len(lines) == 1


def test_anonymous_client_is_refused_by_address(
    acme: Any, client_of: Callable[..., Any], limit: Callable[..., None]
) -> None:
    member = client_of(acme, "member")
    limit(anonymous="2/minute")
    nobody, path = api_client(acme), "/api/v1/auth/token/verify/"
    assert [nobody.post(path, {}).status_code for _ in range(4)] == [400, 400, 429, 429]
    assert _statuses(member, 3) == [200, 200, 200]
    assert nobody.post(path, {}, REMOTE_ADDR="203.0.113.7").status_code == 400


def test_port_does_not_change_an_address(
    acme: Any, limit: Callable[..., None], settings: Any
) -> None:
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": 1}
    limit(anonymous="1/minute")
    nobody, path = api_client(acme), "/api/v1/auth/token/verify/"
    sources = [{"X-Forwarded-For": f"203.0.113.7:{port}"} for port in (1, 2, 3)]
    statuses = [nobody.post(path, {}, headers=each).status_code for each in sources[:2]]
    assert statuses == [400, 429]
    with pytest.raises(Throttled):
        refuse_again(RequestFactory().post(path, headers=sources[2]), ActiveTenant(acme.pk))


def test_other_members_and_tenants_are_served(
    acme: Any, globex: Any, client_of: Callable[..., Any], limit: Callable[..., None]
) -> None:
    limit(member="2/minute")
    assert _statuses(client_of(acme, "member"), 4) == [200, 200, 429, 429]
    assert _statuses(client_of(acme, "viewer"), 2) == [200, 200]
    assert _statuses(client_of(globex, "member"), 2) == [200, 200]


def test_rate_of_one_route_does_not_affect_others(
    acme: Any, client_of: Callable[..., Any], limit: Callable[..., None]
) -> None:
    limit(invitations="1/minute")
    client = client_of(acme, "admin")
    path = "/api/v1/invitations/"
    answers = [client.post(path, {"email": f"{n}@x.test"}).status_code for n in range(3)]
    assert answers == [201, 429, 429]
    assert _statuses(client, 2) == [200, 200]
