"""Every check of a password counts attempts and records failures."""

import ast
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from apps.audit.models import AuditEvent
from apps.authentication.models import User
from apps.isolation.testing import api_client, make_member
from apps.isolation.testing.people import PASSWORD
from apps.memberships.models import Membership
from apps.pages.testing import browser
from apps.tenants.models import Tenant
from config.env import BASE_DIR
from config.settings import authentication
from tests.support import invite

EMAIL = "member@acme.test"
API = "/api/v1/"


@pytest.fixture
def member(acme: Tenant) -> Membership:
    make_member(acme, "owner")
    membership: Membership = make_member(acme, "member")
    return membership


def posts(path: str, body: dict[str, Any], *, host: str = "acme.localhost") -> Callable[..., Any]:
    client = APIClient(headers={"Host": host})
    return lambda password: client.post(f"{API}{path}", {**body, "password": password})


def logs_in(member: Membership) -> Callable[..., Any]:
    return posts("auth/token/", {"email": EMAIL})


def accepts(member: Membership) -> Callable[..., Any]:
    make_member(member.tenant, "admin")
    User.objects.create_user("invited@example.test", PASSWORD)
    _, token = invite(api_client(member.tenant, "admin@acme.test"), "invited@example.test")
    return posts("invitations/accept/", {"token": token})


def accepts_on_a_page(member: Membership) -> Callable[..., Any]:
    User.objects.create_user("invited@example.test", PASSWORD)
    _, token = invite(api_client(member.tenant, "owner@acme.test"), "invited@example.test")
    page = browser()
    return lambda password: page.post(f"/invitations/{token}/", {"password": password})


def signs_up(member: Membership) -> Callable[..., Any]:
    body = {"email": EMAIL, "tenant_name": "X", "tenant_slug": "initech"}
    return posts("auth/signup/", body, host="localhost")


def logs_in_on_a_page(member: Membership) -> Callable[..., Any]:
    page = browser()
    return lambda password: page.post("/login/", {"email": EMAIL, "password": password})


def logs_in_as_staff(member: Membership) -> Callable[..., Any]:
    User.objects.filter(pk=member.user_id).update(is_staff=True)
    page = Client(headers={"Host": "localhost"})
    return lambda password: page.post("/admin/login/", {"username": EMAIL, "password": password})


def changes_it(member: Membership) -> Callable[..., Any]:
    client = api_client(member.tenant, EMAIL)
    new = {"new_password": "a much better horse"}
    path = f"{API}auth/password/change/"
    return lambda password: client.post(path, {"current_password": password, **new})


def changes_it_as_staff(member: Membership) -> Callable[..., Any]:
    page = Client(headers={"Host": "localhost"})
    page.force_login(User.objects.create_superuser("staff@example.test", PASSWORD))
    new = {"new_password1": "a much better horse", "new_password2": "a much better horse"}
    path = "/admin/password_change/"
    return lambda password: page.post(path, {"old_password": password, **new})


def switches_on_a_second_factor(member: Membership) -> Callable[..., Any]:
    page = browser()
    page.post("/login/", {"email": EMAIL, "password": PASSWORD})
    body = {"code": "000000"}
    path = "/profile/second-factor/"
    return lambda password: page.post(path, {"current_password": password, **body})


PLACES = [
    (logs_in, 10),
    (accepts, 10),
    (accepts_on_a_page, 10),
    (signs_up, 10),
    (logs_in_on_a_page, 10),
    (logs_in_as_staff, 10),
    (changes_it, 5),
    (changes_it_as_staff, 5),
    (switches_on_a_second_factor, 5),
]


@pytest.mark.parametrize(("place", "most"), PLACES)
def test_guesses_are_counted_and_recorded(
    place: Callable[..., Any], most: int, member: Membership, settings: Any
) -> None:
    guess = place(member)
    before = AuditEvent.platform.count()
    settings.ACCOUNT_RATE_LIMITS = authentication.ACCOUNT_RATE_LIMITS
    statuses = [guess(f"wrong {number}").status_code for number in range(most + 2)]
    assert 429 not in statuses[:most]
    assert statuses[most:] == [429, 429]
    assert guess(PASSWORD).status_code == 429
    actions = AuditEvent.platform.order_by("id").values_list("action", flat=True)[before:]
    assert [*actions] == ["session.log_in_failed"] * most


# Sign-up provisions storage, which would wait for the test's transaction.
@pytest.mark.parametrize(("place", "most"), [each for each in PLACES if each[0] is not signs_up])
def test_correct_password_is_no_failure(
    place: Callable[..., Any], most: int, member: Membership
) -> None:
    guess = place(member)
    before = AuditEvent.platform.count()
    guess(PASSWORD)
    actions = AuditEvent.platform.order_by("id").values_list("action", flat=True)[before:]
    assert "session.log_in_failed" not in actions


CHECKS = {
    "apps/authentication/services.py": [
        "check_password"
    ],  # the user's own password, with its own counter
    "apps/memberships/attempts.py": ["authenticate"],
}
"""All functions that check passwords. Each of them counts attempts."""


def test_all_password_checks_are_tested() -> None:
    found: dict[str, list[str]] = {}
    for path in sorted(BASE_DIR.glob("apps/**/*.py")):
        if {"tests", "testing"} & {*path.relative_to(BASE_DIR).parts}:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = getattr(node, "func", None)
            name = getattr(called, "attr", getattr(called, "id", ""))
            if name in {"authenticate", "check_password", "acheck_password", "aauthenticate"}:
                found.setdefault(path.relative_to(BASE_DIR).as_posix(), []).append(name)
    assert found == CHECKS
