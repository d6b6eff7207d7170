"""The Owner of a new tenant without sign-up, from the command to the first log-in."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import TestCase
from django.utils import timezone

from apps.authentication.models import User
from apps.isolation.app_registry import SHARED_DB
from apps.isolation.testing.people import PASSWORD
from apps.memberships.models import Invitation, Membership
from apps.pages.testing import browser
from apps.tenants.management.health import find_problems
from apps.tenants.models import Tenant
from tests.support import mailed_token

pytestmark = pytest.mark.usefixtures("provisioning")

EMAIL = "ada@example.test"


def run(*arguments: str) -> str:
    output = StringIO()
    with TestCase.captureOnCommitCallbacks(using=SHARED_DB, execute=True):
        call_command(*arguments, stdout=output)
    return output.getvalue()


def owners() -> list[tuple[str, str]]:
    rows = Membership.platform.filter(is_active=True)
    return [(row.user.email, row.role) for row in rows.select_related("user")]


def test_new_owner_is_invited(settings: Any, mailoutbox: list[Any]) -> None:
    settings.SIGN_UP_OPEN = False
    assert "invited by mail" in run("create_tenant", "initech", "--owner", "Ada@Example.test")
    assert [mail.to for mail in mailoutbox] == [[EMAIL]]
    assert list(find_problems()) == []
    page = browser("initech.localhost")
    joined = page.post(f"/invitations/{mailed_token()}/", {"password": PASSWORD})
    assert joined.status_code == 302
    assert owners() == [(EMAIL, "owner")]
    page = browser("initech.localhost")
    assert page.post("/login/", {"email": EMAIL, "password": PASSWORD}).status_code == 302
    assert page.get("/settings/").status_code == 200
    assert list(find_problems()) == []


def test_existing_user_becomes_owner_at_once(mailoutbox: list[Any]) -> None:
    User.objects.create_user(EMAIL, PASSWORD)
    output = run("create_tenant", "initech", "--owner", EMAIL.upper())
    assert "can log in at https://initech.localhost/login/" in output
    assert owners() == [(EMAIL, "owner")]
    assert (mailoutbox, list(find_problems())) == ([], [])


@pytest.mark.parametrize(
    "owner", ["x", "@", "a@b", "y\u0131ld\u0131z@example.test", "off@example.test", "a b@c.test"]
)
def test_invalid_owner_creates_nothing(owner: str) -> None:
    User.objects.create_user("off@example.test", PASSWORD, is_active=False)
    with pytest.raises(CommandError):
        run("create_tenant", "initech", "--owner", owner)
    assert not Tenant.objects.exists()


def test_command_names_the_next_step_without_an_owner() -> None:
    assert "--role owner" in run("create_tenant", "initech")
    assert list(find_problems()) == [("initech", "has no Owner")]
    arguments = ("assign_user_to_tenant", "initech", EMAIL, "--role", "owner")
    with pytest.raises(CommandError, match="--invite"):
        run(*arguments)
    assert run(*arguments, "--invite", "--dry-run") == "invited_as: would be owner (was None)\n"
    assert not Invitation.platform.exists()
    run(*arguments, "--invite")
    assert list(find_problems()) == []
    Invitation.platform.update(expires_at=timezone.now())
    assert list(find_problems()) == [("initech", "has no Owner")]


def test_resent_invitation_replaces_the_first() -> None:
    run("create_tenant", "initech", "--owner", EMAIL)
    lost = mailed_token()
    run("assign_user_to_tenant", "initech", EMAIL, "--role", "owner", "--invite")
    page = browser("initech.localhost")
    for token, status in ((lost, 400), (mailed_token(), 302)):
        answer = page.post(f"/invitations/{token}/", {"password": PASSWORD})
        assert answer.status_code == status


@pytest.mark.parametrize("role", ["admin", "member", "viewer"])
def test_platform_invites_owners_only(role: str) -> None:
    run("create_tenant", "initech")
    with pytest.raises(CommandError, match="no user"):
        run("assign_user_to_tenant", "initech", EMAIL, "--role", role, "--invite")
