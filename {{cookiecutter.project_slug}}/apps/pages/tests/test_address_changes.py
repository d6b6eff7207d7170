"""Changes of an e-mail address also update everything that depends on it."""

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.test import Client, TestCase
from rest_framework.test import APIClient

from apps.audit.models import AuditEvent
from apps.authentication import services
from apps.authentication.models import User
from apps.isolation.app_registry import SHARED_DB
from apps.isolation.testing import api_client, make_member
from apps.isolation.testing.people import PASSWORD
from apps.memberships.addresses import address_of, change_address, mark_verified
from apps.memberships.models import Invitation, Membership
from apps.pages.testing import browser
from apps.tenants.models import Tenant
from tests.support import invite

API = "/api/v1/"
BETTER = "a battery staples no horses"
OLD, NEW = "member@acme.test", "new@example.test"
USERS = "/admin/authentication/user/"


def post(path: str, **body: Any) -> Any:
    client = APIClient(headers={"Host": "localhost"})
    with TestCase.captureOnCommitCallbacks(using=SHARED_DB, execute=True):
        return client.post(f"{API}{path}", body)


def token_of(mail: Any) -> str:
    return str(mail.body.split("https://localhost/")[1].split("/")[1])


@pytest.fixture
def member(acme: Tenant) -> Membership:
    membership: Membership = make_member(acme, "member", OLD)
    mark_verified(membership.user)
    return membership


@pytest.fixture
def staff() -> Client:
    client = browser("localhost")
    client.force_login(User.objects.create_superuser("staff@example.test", PASSWORD))
    return client


def by_admin(staff: Client, user: User, email: str) -> Any:
    body = {"email": email, "full_name": user.full_name, "is_active": "on"}
    return staff.post(f"{USERS}{user.pk}/change/", body)


def test_staff_changes_an_address(
    staff: Client, member: Membership, acme: Tenant, mailoutbox: list[Any]
) -> None:
    """Verification, reset and invitations work with the new address."""
    assert by_admin(staff, member.user, "New@Example.test").status_code == 302
    (address,) = EmailAddress.objects.all()
    assert (address.user_id, address.email) == (member.user_id, NEW)
    assert (address.primary, address.verified) == (True, False)
    assert post("auth/email/resend/", email=NEW).status_code == 204
    assert post("auth/email/verify/", token=token_of(mailoutbox[-1])).status_code == 204
    assert post("auth/password/reset/", email=NEW).status_code == 204
    body = {"token": token_of(mailoutbox[-1]), "password": BETTER}
    assert post("auth/password/reset/confirm/", **body).status_code == 204
    assert post("auth/token/", email=NEW, password=BETTER, tenant="acme").status_code == 200
    assert post("auth/token/", email=OLD, password=BETTER, tenant="acme").status_code == 401


def test_old_address_can_get_a_new_account(
    staff: Client, member: Membership, acme: Tenant, globex: Tenant, mailoutbox: list[Any]
) -> None:
    by_admin(staff, member.user, NEW)
    make_member(globex, "admin")
    _, token = invite(api_client(globex, "admin@globex.test"), OLD)
    assert post("invitations/accept/", token=token, password=BETTER).status_code == 200
    assert post("auth/password/reset/", email=OLD).status_code == 204
    body = {"token": token_of(mailoutbox[-1]), "password": PASSWORD}
    assert post("auth/password/reset/confirm/", **body).status_code == 204
    assert EmailAddress.objects.get(email=OLD, verified=True).user.email == OLD


def test_address_change_ends_all_log_ins(staff: Client, member: Membership, acme: Tenant) -> None:
    page = browser()
    page.post("/login/", {"email": OLD, "password": PASSWORD})
    pair = post("auth/token/", email=OLD, password=PASSWORD, tenant="acme").json()
    assert page.get("/profile/").status_code == 200
    by_admin(staff, member.user, NEW)
    assert page.get("/profile/").status_code == 302
    assert post("auth/token/refresh/", refresh=pair["refresh"]).status_code == 401
    assert post("auth/token/verify/", token=pair["access"]).status_code == 401


@pytest.mark.parametrize("path", ["email/verify", "password/reset/confirm"])
def test_links_to_the_old_address_are_invalid(
    path: str, member: Membership, mailoutbox: list[Any]
) -> None:
    EmailAddress.objects.update(verified=False)
    ask = {"email/verify": "email/resend/", "password/reset/confirm": "password/reset/"}[path]
    post(f"auth/{ask}", email=OLD)
    change_address(member.user, NEW, actor=None)
    body = {"token": token_of(mailoutbox[-1]), "password": BETTER}
    assert post(f"auth/{path}/", **body).status_code == 400
    assert not EmailAddress.objects.filter(verified=True).exists()


def test_open_invitations_to_the_old_address_are_revoked(
    member: Membership, acme: Tenant, globex: Tenant
) -> None:
    make_member(globex, "admin")
    _, token = invite(api_client(globex, "admin@globex.test"), OLD, "admin")
    change_address(member.user, NEW, actor=None)
    assert Invitation.platform.get().revoked_at is not None
    refused = post("invitations/accept/", token=token, password=BETTER)
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_invitation")


def test_taken_address_is_refused(staff: Client, member: Membership, acme: Tenant) -> None:
    make_member(acme, "viewer")
    version = member.user.credentials_version
    assert by_admin(staff, member.user, "Viewer@acme.test").status_code == 200
    with pytest.raises(ValidationError, match="account with this address"):
        change_address(member.user, "viewer@acme.test", actor=None)
    for email in ("x", "", "y\u0131ld\u0131z@example.test"):
        assert by_admin(staff, member.user, email).status_code == 200
        with pytest.raises(ValidationError):
            change_address(member.user, email, actor=None)
    stored = User.objects.get(pk=member.user_id)
    assert (stored.email, stored.credentials_version) == (OLD, version)
    assert EmailAddress.objects.get(user=stored).verified


def test_same_address_changes_nothing(staff: Client, member: Membership) -> None:
    assert by_admin(staff, member.user, OLD.upper()).status_code == 302
    assert EmailAddress.objects.get().verified
    assert not AuditEvent.platform.filter(action="account.address_changed").exists()


def test_concurrent_changes_are_kept(member: Membership) -> None:
    """Services save only the changed fields."""
    read_before = User.objects.get(pk=member.user_id)
    change_address(member.user, NEW, actor=None)
    membership = Membership.platform.get(pk=member.pk)
    membership.user = read_before
    services.update_user(read_before, full_name="Who")
    services.change_password(membership, BETTER)
    stored = User.objects.get(pk=member.user_id)
    assert (stored.email, stored.full_name, stored.credentials_version) == (NEW, "Who", 1)


@pytest.mark.parametrize("left", [OLD, "third@example.test"])
def test_inconsistent_rows_are_repaired(
    left: str, member: Membership, acme: Tenant, mailoutbox: list[Any]
) -> None:
    """After a write without the service, the next change succeeds and verifies no other user."""
    other = make_member(acme, "viewer").user
    EmailAddress.objects.update(email=left)
    EmailAddress.objects.create(user=other, email=NEW, verified=True)
    User.objects.filter(pk=member.user_id).update(email=NEW)
    member.user.refresh_from_db()
    for path in ("email/resend/", "password/reset/"):
        assert post(f"auth/{path}", email=NEW).status_code == 204
    body = {"token": token_of(mailoutbox[-1]), "password": BETTER}
    assert post("auth/password/reset/confirm/", **body).status_code == 204
    (address,) = EmailAddress.objects.filter(email=NEW)
    assert (address.user_id, address.verified) == (member.user_id, True)
    assert address_of(member.user) == address


def test_log_ins_of_a_deactivated_user_stay_ended(
    staff: Client, member: Membership, acme: Tenant
) -> None:
    pair = post("auth/token/", email=OLD, password=PASSWORD, tenant="acme").json()
    for is_active in ({}, {"is_active": "on"}):
        body = {"email": OLD, "full_name": "", **is_active}
        assert staff.post(f"{USERS}{member.user_id}/change/", body).status_code == 302
        assert post("auth/token/verify/", token=pair["access"]).status_code == 401
    assert post("auth/token/", email=OLD, password=PASSWORD, tenant="acme").status_code == 200


def test_admin_changes_addresses_by_the_service() -> None:
    assert not admin.site.is_registered(EmailAddress)
