"""How much may be asked, and what is answered to more."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.settings import api_settings

from apps.authentication.throttling import Throttle
from apps.isolation.testing import api_client, make_member
from config.settings.api import THROTTLE_RATES
from tests.support import at_once, run, statements

SHELVES = "/api/v1/sample/shelves/"
INVITATIONS = "/api/v1/invitations/"
TOKEN = "/api/v1/auth/token/"


@pytest.fixture
def rates(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that sets rates, in a minute that lasts as long as the test."""
    monkeypatch.setattr(Throttle, "timer", lambda self: 6_000_000_010.5)

    def rates(**rates: str) -> None:
        for scope, rate in rates.items():
            monkeypatch.setitem(api_settings.DEFAULT_THROTTLE_RATES, scope, rate)

    return rates


def _statuses(client: Any, count: int, path: str = SHELVES, **headers: str) -> list[int]:
    return [client.get(path, headers=headers).status_code for _ in range(count)]


def test_too_much_is_answered_with_when_to_come_back(
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


def test_the_next_minute_counts_anew(
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


def test_each_member_is_counted_alone_and_all_together(
    acme: Any, client_of: Callable[..., Any], rates: Callable[..., None]
) -> None:
    member, viewer = client_of(acme, "member"), client_of(acme, "viewer")
    rates(member="2/minute", tenant="3/minute")
    assert _statuses(member, 3) == [200, 200, 429]
    assert _statuses(viewer, 1) == [429]
    rates(member="2/minute", tenant="5/minute")
    assert _statuses(viewer, 1) == [200]


def test_log_ins_are_counted_by_address_wherever_they_are_tried(
    acme: Any, globex: Any, rates: Callable[..., None]
) -> None:
    make_member(acme, "member")
    rates(anonymous="2/minute")
    body = {"email": "member@acme.test", "password": "guess"}
    for tenant, status in ((acme, 401), (globex, 401), (acme, 429), (globex, 429)):
        # What a client says of its address is not believed.
        told = {"X-Forwarded-For": f"203.0.113.7, {uuid4()}"}
        assert api_client(tenant).post(TOKEN, body, headers=told).status_code == status
    assert api_client(acme).post(TOKEN, body, REMOTE_ADDR="192.0.2.1").status_code == 401


def test_a_tenant_mails_so_many_invitations_and_no_more(
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
    # What sends no mail is not held up, and neither is another tenant.
    assert _statuses(admin, 3, INVITATIONS) == [200, 200, 200]
    assert admin.delete(f"{INVITATIONS}{invitation}/").status_code == 204
    theirs = client_of(globex, "owner")
    assert theirs.post(INVITATIONS, {"email": "new@example.test"}).status_code == 201


def test_a_member_is_not_counted_by_address(
    acme: Any, client_of: Callable[..., Any], rates: Callable[..., None]
) -> None:
    client = client_of(acme, "member")
    rates(anonymous="1/minute")
    assert _statuses(client, 3) == [200, 200, 200]


@pytest.mark.parametrize(
    ("proxies", "statuses"), [(0, [401, 429, 429]), (1, [401, 401, 429]), (2, [401, 429, 429])]
)
def test_behind_proxies_the_address_is_what_they_say(
    proxies: int,
    statuses: list[int],
    acme: Any,
    rates: Callable[..., None],
    settings: Any,
) -> None:
    """The last address was added by the nearest proxy; those before it may be forged."""
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": proxies}
    rates(anonymous="1/minute")
    client = api_client(acme)
    body = {"email": "member@acme.test", "password": "guess"}
    told = ["203.0.113.7, 192.0.2.1", "203.0.113.7, 192.0.2.2", "203.0.113.7, 192.0.2.1"]
    answers = [client.post(TOKEN, body, headers={"X-Forwarded-For": each}) for each in told]
    assert [answer.status_code for answer in answers] == statuses


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_no_more_get_in(
    acme: Any, client_of: Callable[..., Any], rates: Callable[..., None]
) -> None:
    client = client_of(acme, "member")
    rates(member="3/minute")
    answers = at_once(8, lambda: client.get(SHELVES).status_code)
    assert sorted(answers) == [200] * 3 + [429] * 5


def test_counting_asks_no_database(
    acme: Any, client_of: Callable[..., Any], rates: Callable[..., None]
) -> None:
    client = client_of(acme, "member")
    with statements() as unlimited:
        client.get(SHELVES)
    rates(member="9/minute", tenant="9/minute")
    with statements() as limited:
        client.get(SHELVES)
    assert len(limited) == len(unlimited)


def test_the_tests_themselves_are_not_throttled() -> None:
    assert set(api_settings.DEFAULT_THROTTLE_RATES) == set(THROTTLE_RATES)
    assert set(api_settings.DEFAULT_THROTTLE_RATES.values()) == {None}


@pytest.mark.django_db
def test_rates_come_from_the_environment() -> None:
    script = "from config.settings.base import *; print(list(THROTTLE_RATES.values()))"
    assert "None" not in run("-c", script).stdout
    done = run("-c", script, THROTTLE_MEMBER="7/day", THROTTLE_TENANT="")
    assert done.stdout.startswith("['7/day', None, ")
