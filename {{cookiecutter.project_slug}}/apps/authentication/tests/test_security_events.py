"""What is written down of log-ins, tokens and passwords, and what is not."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from rest_framework.test import APIClient

from apps.audit.models import AuditEvent
from apps.isolation.testing import make_member
from apps.tenants.models import Membership, Tenant
from config.settings import authentication
from tests.support import statements

AUTH = "/api/v1/auth/"
PASSWORD = "correct horse battery staple"
NEW = "a much better horse"


def _post(path: str, host: str = "acme.localhost", bearer: str = "", **body: Any) -> Any:
    headers = {"Host": host} | ({"Authorization": f"Bearer {bearer}"} if bearer else {})
    return APIClient(headers=headers).post(f"{AUTH}{path}", body)


def _log_in(password: str = PASSWORD, email: str = "member@acme.test", **more: Any) -> Any:
    return _post("token/", email=email, password=password, **more)


@pytest.fixture
def member(acme: Tenant) -> Membership:
    membership: Membership = make_member(acme, "member")
    return membership


def _events() -> list[tuple[str, Any, Any]]:
    """Return action, tenant and actor of each event, the first one first."""
    events = AuditEvent.platform.order_by("id")
    return list(events.values_list("action", "tenant_id", "actor_id"))


# A host and a body, and whether the tenant is told and the user is named.
FAILURES: dict[str, tuple[str, dict[str, str], bool, bool]] = {
    "a wrong password": ("acme.localhost", {}, True, True),
    "a former member": ("acme.localhost", {"email": "former@acme.test"}, True, True),
    "an unknown user": ("acme.localhost", {"email": "nobody@acme.test"}, True, False),
    "a user of another tenant": ("acme.localhost", {"email": "owner@globex.test"}, True, False),
    "on the shared host": ("localhost", {"tenant": "acme"}, True, True),
    "an unknown tenant": ("localhost", {"tenant": "initech"}, False, False),
    "no tenant": ("localhost", {}, False, False),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failed_log_in_is_told_to_its_tenant_and_names_its_members_only(
    failure: str, acme: Tenant, globex: Tenant, member: Membership
) -> None:
    host, body, told, named = FAILURES[failure]
    former = make_member(acme, "viewer", "former@acme.test")
    former.is_active = False
    former.save()
    make_member(globex, "owner")
    assert _log_in("wrong", host=host, **body).status_code == 401
    event = AuditEvent.platform.get()
    whose = former if "email" in body else member
    assert (event.action, event.tenant_id) == ("session.log_in_failed", acme.pk if told else None)
    assert (event.object_type, event.object_id, event.actor_id) == (
        "authentication.user" if named else "",
        str(whose.user.pk) if named else "",
        None,
    )
    assert "@" not in json.dumps(list(AuditEvent.platform.values()), default=str)


def test_writing_it_down_costs_the_same_whoever_fails(
    acme: Tenant, globex: Tenant, member: Membership
) -> None:
    make_member(globex, "owner")
    _log_in("wrong")  # from now on the host is known
    costs = []
    for email in ("member@acme.test", "nobody@acme.test", "owner@globex.test"):
        with statements() as sent:
            _log_in("wrong", email=email)
        costs.append([statement.split()[0] for statement in sent])
    assert costs[0] == costs[1] == costs[2]


def test_a_trail_cannot_be_filled_up(acme: Tenant, member: Membership, settings: Any) -> None:
    """Neither from many addresses, nor with many names: what is counted is the tenant's."""
    settings.ACCOUNT_RATE_LIMITS = {
        "failed_login": authentication.ACCOUNT_RATE_LIMITS["failed_login"]  # type: ignore[index]
    }
    for number in range(65):
        client = APIClient(headers={"Host": "acme.localhost"}, REMOTE_ADDR=f"192.0.2.{number}")
        body = {"email": f"{number}@acme.test", "password": "wrong"}
        assert client.post(f"{AUTH}token/", body).status_code == 401
    assert AuditEvent.objects.for_tenant(acme).count() == 60
    assert _log_in().status_code == 200


def test_a_good_log_in_and_its_renewal_are_not_written_down(member: Membership) -> None:
    refresh = _log_in().json()["refresh"]
    assert _post("token/refresh/", refresh=refresh).status_code == 200
    assert _events() == []


def test_a_token_that_comes_back_is_told_once(acme: Tenant, member: Membership) -> None:
    refresh = _log_in().json()["refresh"]
    _post("token/refresh/", refresh=refresh)
    for _ in range(3):
        assert _post("token/refresh/", refresh=refresh).status_code == 401
    assert _events() == [("session.token_reused", acme.pk, member.user.pk)]


def test_a_log_out_is_told_once(acme: Tenant, member: Membership) -> None:
    refresh = _log_in().json()["refresh"]
    for _ in range(3):
        assert _post("logout/", refresh=refresh).status_code == 204
    assert _events() == [("session.logged_out", acme.pk, member.user.pk)]


def test_a_switch_is_told_to_the_tenant_that_is_switched_to(
    acme: Tenant, globex: Tenant, member: Membership
) -> None:
    make_member(globex, "owner", member.user.email)
    bearer = _log_in().json()["access"]
    assert _post("switch/", bearer=bearer, tenant="globex").status_code == 200
    assert _post("switch/", bearer=bearer, tenant="nobody").status_code == 404
    assert _events() == [("session.tenant_switched", globex.pk, member.user.pk)]


def test_a_changed_password_is_told_without_it(acme: Tenant, member: Membership) -> None:
    bearer = _log_in().json()["access"]
    for current, new in (("wrong", NEW), (PASSWORD, "short"), (PASSWORD, NEW)):
        _post("password/change/", bearer=bearer, current_password=current, new_password=new)
    assert _events() == [("account.password_changed", acme.pk, member.user.pk)]
    assert AuditEvent.platform.get().changes == {}


def test_a_reset_password_and_a_verified_address_are_the_platforms_events(
    member: Membership, mailoutbox: list[Any]
) -> None:
    EmailAddress.objects.create(user=member.user, email=member.user.email, primary=True)
    for path, confirm, body in (
        ("email/resend/", "email/verify/", {}),
        ("password/reset/", "password/reset/confirm/", {"password": NEW}),
    ):
        _post(path, email=member.user.email)
        token = mailoutbox[-1].body.split("https://localhost/")[1].split("/")[1]
        assert _post(confirm, token=token, **body).status_code == 204
        assert _post(confirm, token=token, **body).status_code == 400
    assert _events() == [
        ("account.address_verified", None, member.user.pk),
        ("account.password_reset", None, member.user.pk),
    ]


def test_work_costs_what_it_cost_without_a_trail(
    acme: Tenant, client_of: Callable[..., Any]
) -> None:
    client = client_of(acme, "member")
    for path, cost in (("me/", 2), ("tasks/", 2)):
        client.get(f"/api/v1/{path}")
        with statements() as sent:
            assert client.get(f"/api/v1/{path}").status_code == 200
        assert len(sent) == cost, sent
    assert _events() == []
