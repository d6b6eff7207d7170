"""Audit events of log-ins, tokens and passwords, and their contents."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group
from django.test import Client
from rest_framework.test import APIClient

from apps.audit.models import AuditEvent
from apps.authentication.models import User
from apps.isolation.testing import make_member
from apps.memberships.models import Membership
from apps.tenants.models import Tenant
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
    """Return action, tenant and actor of each event, the oldest first."""
    events = AuditEvent.platform.order_by("id")
    return list(events.values_list("action", "tenant_id", "actor_id"))


# Host, body, and whether the event has the tenant and the user.
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
def test_failed_log_in_is_recorded_and_names_members_only(
    failure: str, acme: Tenant, globex: Tenant, member: Membership
) -> None:
    host, body, has_tenant, named = FAILURES[failure]
    former = make_member(acme, "viewer", "former@acme.test")
    former.is_active = False
    former.save()
    make_member(globex, "owner")
    assert _log_in("wrong", host=host, **body).status_code == 401
    event = AuditEvent.platform.get()
    whose = former if "email" in body else member
    assert (event.action, event.tenant_id) == (
        "session.log_in_failed",
        acme.pk if has_tenant else None,
    )
    assert (event.object_type, event.object_id, event.actor_id) == (
        "authentication.user" if named else "",
        str(whose.user.pk) if named else "",
        None,
    )
    assert "@" not in json.dumps(list(AuditEvent.platform.values()), default=str)


def test_cost_of_recording_does_not_reveal_accounts(
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


def test_audit_log_cannot_be_flooded(acme: Tenant, member: Membership, settings: Any) -> None:
    """Events count per tenant, whatever the client's address and the given e-mail address."""
    settings.ACCOUNT_RATE_LIMITS = {
        "failed_login": authentication.ACCOUNT_RATE_LIMITS["failed_login"]  # type: ignore[index]
    }
    for number in range(65):
        client = APIClient(headers={"Host": "acme.localhost"}, REMOTE_ADDR=f"192.0.2.{number}")
        body = {"email": f"{number}@acme.test", "password": "wrong"}
        assert client.post(f"{AUTH}token/", body).status_code == 401
    assert AuditEvent.objects.for_tenant(acme).count() == 60
    assert _log_in().status_code == 200


def test_successful_log_in_and_refresh_are_not_recorded(member: Membership) -> None:
    refresh = _log_in().json()["refresh"]
    assert _post("token/refresh/", refresh=refresh).status_code == 200
    assert _events() == []


def test_reused_token_is_recorded_once(acme: Tenant, member: Membership) -> None:
    refresh = _log_in().json()["refresh"]
    _post("token/refresh/", refresh=refresh)
    for _ in range(3):
        assert _post("token/refresh/", refresh=refresh).status_code == 401
    assert _events() == [("session.token_reused", acme.pk, member.user.pk)]


def test_log_out_is_recorded_once(acme: Tenant, member: Membership) -> None:
    refresh = _log_in().json()["refresh"]
    for _ in range(3):
        assert _post("logout/", refresh=refresh).status_code == 204
    assert _events() == [("session.logged_out", acme.pk, member.user.pk)]


def test_switch_is_recorded_in_the_new_tenant(
    acme: Tenant, globex: Tenant, member: Membership
) -> None:
    make_member(globex, "owner", member.user.email)
    bearer = _log_in().json()["access"]
    assert _post("switch/", bearer=bearer, tenant="globex").status_code == 200
    assert _post("switch/", bearer=bearer, tenant="nobody").status_code == 404
    assert _events() == [("session.tenant_switched", globex.pk, member.user.pk)]


def test_password_change_is_recorded_without_the_password(acme: Tenant, member: Membership) -> None:
    bearer = _log_in().json()["access"]
    for current, new in (("wrong", NEW), (PASSWORD, "short"), (PASSWORD, NEW)):
        _post("password/change/", bearer=bearer, current_password=current, new_password=new)
    assert _events() == [
        ("session.log_in_failed", acme.pk, None),
        ("account.password_changed", acme.pk, member.user.pk),
    ]
    assert [event.changes for event in AuditEvent.platform.all()] == [{}, {}]


def test_reset_and_verification_are_platform_events(
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


def test_recording_adds_no_queries_to_ordinary_work(
    acme: Tenant, client_of: Callable[..., Any]
) -> None:
    client = client_of(acme, "member")
    for path, cost in (("me/", 3), ("sample/books/", 2)):
        client.get(f"/api/v1/{path}")
        with statements() as sent:
            assert client.get(f"/api/v1/{path}").status_code == 200
        assert len(sent) == cost, sent
    assert _events() == []


# Sessions


def browse(host: str = "acme.localhost") -> Client:
    return Client(headers={"Host": host, "Accept": "text/html"})


@pytest.mark.parametrize("host", ["acme.localhost", "localhost"])
def test_session_events(
    host: str, acme: Tenant, member: Membership, caplog: pytest.LogCaptureFixture
) -> None:
    member.user.is_staff = True
    member.user.save()
    client, of_admin = browse(host), host == "localhost"
    path, name = ("/admin/login/", "username") if of_admin else ("/login/", "email")
    for password in ("wrong", PASSWORD):
        client.post(path, {name: member.user.email, "password": password, "next": "/admin/"})
    for _ in range(2):
        client.post("/admin/logout/" if of_admin else "/logout/")
    tenant, user = None if of_admin else acme.pk, member.user.pk
    assert _events() == [
        ("session.log_in_failed", tenant, None),
        ("session.logged_in", tenant, user),
        ("session.logged_out", tenant, user),
    ]
    assert "@" not in caplog.text + str(list(AuditEvent.platform.values()))


def test_changes_by_staff_are_recorded_without_personal_data(member: Membership) -> None:
    staff = User.objects.create_superuser("staff@example.test", PASSWORD)
    group = Group.objects.create(name="Support")
    client = browse("localhost")
    client.force_login(staff)
    before = AuditEvent.platform.count()
    users = "/admin/authentication/user/"
    new = {"email": "new@example.test", "password1": NEW, "password2": NEW}
    client.post(f"{users}add/", {**new, "usable_password": "true"})
    body = {"email": "who@acme.test", "full_name": "Who", "is_active": "on"}
    page = f"{users}{member.user.pk}"
    client.post(f"{page}/change/", {**body, "is_staff": "on", "groups": [group.pk]})
    client.post(f"{page}/change/", {**body, "groups": [group.pk]})
    for second in ("another", NEW):
        passwords = {"usable_password": "true", "password1": NEW, "password2": second}
        client.post(f"{page}/password/", passwords)
    events = AuditEvent.platform.order_by("id")[before:]
    hidden = {"before": "…", "after": "…"}
    assert [(event.action, event.changes) for event in events] == [
        ("user.added", {"email": hidden}),
        ("account.address_changed", {}),
        (
            "user.changed",
            {
                "email": hidden,
                "full_name": hidden,
                "groups": {"before": [], "after": [group.pk]},
                "is_staff": {"before": False, "after": True},
            },
        ),
        ("user.changed", {"is_staff": {"before": True, "after": False}}),
        ("account.password_changed", {}),
    ]
    assert {event.actor_id for event in events} == {staff.pk}
