"""Mails of invitations, and constraints in the database."""

from collections.abc import Callable
from datetime import timedelta
from smtplib import SMTPRecipientsRefused
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core import mail
from django.core.mail import EmailMessage
from django.db import IntegrityError, transaction
from django.test import TestCase
from django.utils import timezone
from rest_framework.test import APIClient

from apps.isolation.app_registry import SHARED_DB
from apps.isolation.testing import api_client, make_member
from apps.memberships.models import Invitation
from apps.tenants.models import Domain, Tenant
from apps.tenants.settings import BRAND_NAME, TenantSettings
from tests.support import at_once, invite, mailed_token

PATH = "/api/v1/invitations/"
PASSWORD = "correct horse battery staple"
BETTER = "a battery staples no horses"


@pytest.fixture
def admin(acme: Tenant, client_of: Callable[..., Any]) -> APIClient:
    client: APIClient = client_of(acme, "admin")
    return client


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Host": "localhost", "X-Forwarded-Host": "evil.example"},
        {"Host": "second.example", "Forwarded": "host=evil.example"},
        {"Host": "acme.localhost:1234", "X-Original-Host": "evil.example"},
    ],
)
def test_link_uses_the_stored_domain(
    headers: dict[str, str], admin: APIClient, acme: Tenant
) -> None:
    Domain(tenant=acme, domain="second.example").save()
    with TestCase.captureOnCommitCallbacks(using=SHARED_DB, execute=True):
        body = {"email": "new@example.test"}
        assert admin.post(PATH, body, headers=headers).status_code == 201
    (message,) = mail.outbox
    assert f"\n\nhttps://acme.localhost/invitations/{mailed_token()}/\n\n" in message.body
    assert str(message.body).count("://") == 1
    assert (message.to, message.cc, message.bcc) == (["new@example.test"], [], [])
    assert (message.subject, message.from_email) == (
        "Invitation to Acme",
        settings.DEFAULT_FROM_EMAIL,
    )


def test_invitation_shows_the_tenants_brand(admin: APIClient, acme: Tenant) -> None:
    TenantSettings(acme).set(BRAND_NAME, "Söhne & Co")
    invite(admin, "new@example.test")
    assert mail.outbox[0].subject == "Invitation to Söhne & Co"


def test_names_cannot_inject_headers(admin: APIClient, acme: Tenant) -> None:
    """A name with a line break is refused; a stored one cannot add a header line."""
    bad = "Acme\r\nBcc: everybody@example.test"
    assert admin.patch("/api/v1/tenant/", {"name": bad}).status_code == 400
    assert admin.patch("/api/v1/tenant/", {"settings": {"brand_name": bad}}).status_code == 400
    for fields in ({"name": bad}, {"settings": {"brand_name": bad}}):
        Tenant.objects.update(**fields)
        invite(admin, f"new-{len(mail.outbox)}@example.test")
        message = mail.outbox[-1].message()
        assert message["Subject"] == "Invitation to Acme Bcc: everybody@example.test"
        assert "Bcc" not in message


@pytest.mark.parametrize(
    "email",
    ["", "x", "a@b", "a@example.test\nBcc: b@example.test", "a@example.test,b@example.test", None],
)
def test_invalid_address_is_not_invited(email: str | None, admin: APIClient) -> None:
    response = admin.post(PATH, {"email": email})
    assert (response.status_code, list(response.json())) == (400, ["email"])
    assert not Invitation.platform.exists()


def test_address_has_one_open_invitation(admin: APIClient, acme: Tenant) -> None:
    make_member(acme, "member")
    first, _ = invite(admin, "new@example.test")
    for email in ("new@example.test", "NEW@Example.test", "member@acme.test"):
        response = admin.post(PATH, {"email": email})
        assert (response.status_code, list(response.json())) == (400, ["email"])
    Invitation.platform.update(expires_at=timezone.now())
    second, _ = invite(admin, "new@example.test")
    assert [row["id"] for row in admin.get(PATH).json()["results"]] == [second]
    assert Invitation.platform.get(pk=first).revoked_at is not None
    assert admin.delete(f"{PATH}{second}/").status_code == 204
    assert admin.delete(f"{PATH}{second}/").status_code == 404
    assert admin.post(f"{PATH}{second}/resend/").status_code == 404
    invite(admin, "new@example.test")


def test_list_of_open_invitations(admin: APIClient, acme: Tenant) -> None:
    invitation, _ = invite(admin, "new@example.test", "viewer")
    (row,) = admin.get(PATH).json()["results"]
    assert set(row) == {"id", "email", "role", "invited_by", "created_at", "expires_at"}
    assert (row["id"], row["email"], row["role"]) == (invitation, "new@example.test", "viewer")
    assert row["invited_by"] == str(acme.memberships.get().user_id)
    assert str(Invitation.platform.get()).startswith("Acme: viewer, until ")


def test_resending_restarts_the_expiry(admin: APIClient) -> None:
    invitation, _ = invite(admin, "new@example.test")
    past = timezone.now() - timedelta(days=30)
    Invitation.platform.update(created_at=past, expires_at=past)
    with TestCase.captureOnCommitCallbacks(using=SHARED_DB, execute=True):
        assert admin.post(f"{PATH}{invitation}/resend/").status_code == 200
    body = {"token": mailed_token(), "password": BETTER}
    client = APIClient(headers={"Host": "acme.localhost"})
    assert client.post(f"{PATH}accept/", body).status_code == 200


def test_failed_mail_is_logged_without_address_and_token(
    admin: APIClient, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(message: EmailMessage) -> None:
        raise SMTPRecipientsRefused({"new@example.test": (550, str(message.body).encode())})

    monkeypatch.setattr(EmailMessage, "send", fail)
    with TestCase.captureOnCommitCallbacks(using=SHARED_DB, execute=True):
        assert admin.post(PATH, {"email": "new@example.test"}).status_code == 201
    invitation = Invitation.platform.get()
    (record,) = [each for each in caplog.records if each.name == "apps.memberships.invitations"]
    sentence = f"could not mail invitation {invitation.pk}: SMTPRecipientsRefused"
    assert record.getMessage() == sentence
    assert "new@example.test" not in caplog.text
    assert "/invitations/" not in caplog.text


def test_refused_invitation_sends_no_mail(admin: APIClient) -> None:
    assert admin.post(PATH, {"email": "new@example.test", "role": "owner"}).status_code == 400
    assert admin.post(PATH, {"email": "admin@acme.test"}).status_code == 400
    assert mail.outbox == []
    assert admin.post(PATH, {"email": "new@example.test"}).status_code == 201
    assert len(mail.outbox) == 1


@pytest.mark.parametrize(
    "password", ["short", "password1234", "1234567890123", "new.person@example.test"]
)
def test_password_policy_applies_to_new_users(password: str, admin: APIClient) -> None:
    _, token = invite(admin, "new.person@example.test")
    client = APIClient(headers={"Host": "acme.localhost"})
    response = client.post(f"{PATH}accept/", {"token": token, "password": password})
    assert (response.status_code, list(response.json())) == (400, ["password"])
    assert not get_user_model()._default_manager.filter(email="new.person@example.test").exists()


def test_invitation_verifies_the_address(admin: APIClient, globex: Tenant) -> None:
    make_member(globex, "member", "known@example.test")
    client = APIClient(headers={"Host": "acme.localhost"})
    for email, password in (("new@example.test", BETTER), ("known@example.test", PASSWORD)):
        _, token = invite(admin, email)
        assert not EmailAddress.objects.filter(email=email).exists()
        body = {"token": token, "password": password}
        assert client.post(f"{PATH}accept/", body).status_code == 200
        address = EmailAddress.objects.get(email=email)
        assert (address.verified, address.primary) == (True, True)


def test_logged_in_invitee_needs_the_token_to_verify_the_address(
    admin: APIClient, globex: Tenant
) -> None:
    user = make_member(globex, "member", "known@example.test").user
    EmailAddress.objects.create(user=user, email=user.email, primary=True)
    client = api_client(globex, user.email)
    _, token = invite(admin, user.email)
    for sent, status in (("guessed", 400), (token, 200), (token, 400)):
        response = client.post(f"{PATH}accept/", {"token": sent}, headers={"Host": "localhost"})
        assert response.status_code == status
        assert EmailAddress.objects.get().verified is (sent == token)


def test_new_user_has_the_given_name(admin: APIClient, acme: Tenant) -> None:
    _, token = invite(admin, "new@example.test")
    body = {"token": token, "password": BETTER, "full_name": "New Person"}
    client = APIClient(headers={"Host": "acme.localhost"})
    assert client.post(f"{PATH}accept/", body).json()["tenant"]["domain"] == "acme.localhost"
    members = admin.get("/api/v1/members/").json()["results"]
    new = next(each for each in members if each["email"] == "new@example.test")
    assert (new["full_name"], new["role"]) == ("New Person", "member")
    assert set(new) == {"id", "user", "email", "full_name", "profile", "role", "joined_at"}
    inviter = acme.memberships.get(user__email="admin@acme.test").user
    assert acme.memberships.get(pk=new["id"]).invited_by == inviter


@pytest.mark.django_db(transaction=True)
def test_two_invitations_create_one_user(acme: Tenant, globex: Tenant) -> None:
    tokens = []
    for tenant in (acme, globex):
        make_member(tenant, "owner")
        tokens.append(
            invite(api_client(tenant, f"owner@{tenant.slug}.test"), "new@example.test")[1]
        )
    left = iter(tokens)

    def accept() -> int:
        client = APIClient(headers={"Host": "localhost"})
        body = {"token": next(left), "password": BETTER}
        return client.post(f"{PATH}accept/", body).status_code

    assert sorted(at_once(2, accept)) in ([200, 200], [200, 401])
    assert get_user_model()._default_manager.filter(email="new@example.test").count() == 1


def _row(tenant: Tenant, **fields: Any) -> Invitation:
    defaults = {
        "email": "new@example.test",
        "role": "member",
        "token_hash": fields.get("email", "hash"),
        "expires_at": timezone.now(),
    }
    return Invitation(tenant=tenant, **(defaults | fields))


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"role": "owner", "token_hash": "b"}, "invitation_role_is_known_and_no_members_owner"),
        ({"role": "king", "token_hash": "b"}, "invitation_role_is_known_and_no_members_owner"),
        ({"email": "New@example.test"}, "invitation_email_is_lower_case"),
        ({"token_hash": "another"}, "invitation_one_open_per_address"),
        ({"email": "b@example.test", "token_hash": "hash"}, "token_hash"),
        (
            {"accepted_at": timezone.now(), "revoked_at": timezone.now()},
            "invitation_accepted_or_revoked",
        ),
    ],
)
def test_database_enforces_the_rules_of_forms(
    fields: dict[str, Any], constraint: str, acme: Tenant
) -> None:
    sender = make_member(acme, "owner").user
    _row(acme).save()
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic(using=SHARED_DB):
        _row(acme, **{"invited_by": sender, **fields}).save()
