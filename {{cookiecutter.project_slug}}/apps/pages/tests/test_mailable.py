"""Undeliverable e-mail addresses are refused everywhere, before anything is created."""

from io import StringIO
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend
from django.core.management import CommandError, call_command
from django.core.validators import validate_email
from rest_framework.test import APIClient

from apps.authentication.models import User
from apps.isolation.testing import api_client, make_member
from apps.isolation.testing.people import PASSWORD
from apps.memberships.models import Invitation
from apps.memberships.validators import validate_mailable
from apps.pages.testing import browser
from apps.tenants.models import Tenant

LONG = "ü" * 60
UNMAILABLE = [
    "y\u0131ld\u0131z@example.com",  # the dotless i is an I to a pattern that ignores case
    "\u017fmith@example.com",  # so is the long s an s
    "\u212a@example.com",  # and the sign of the kelvin a k, in lower case even the same letter
    f"who@{LONG}.example.com",  # in ASCII the label is too long
    '"a\x01b"@example.com',
]
MAILABLE = [
    "who@example.com",
    "o'hara+x@example.co.uk",
    "who@bücher.example",
    '"who.ever"@example.com',
    "who@[192.0.2.1]",
]


@pytest.mark.parametrize("email", [*UNMAILABLE, *MAILABLE])
def test_accepted_address_is_sent_unchanged(email: str) -> None:
    def is_sent() -> bool:
        try:
            EmailBackend(alias="default", host="localhost").prep_address(email)
            EmailMessage("s", "b", "noreply@example.com", [email]).message().as_bytes()
        except (ValueError, IndexError):
            return False
        return True

    def is_accepted() -> bool:
        try:
            validate_email(email)
            validate_mailable(email)
        except ValidationError:
            return False
        return True

    assert is_accepted() == is_sent() == (email in MAILABLE)


def refused(response: Any) -> bool:
    return response.status_code == 400 and list(response.json()) == ["email"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("email", UNMAILABLE)
def test_sign_up_with_an_undeliverable_address_is_refused(email: str, provisioning: None) -> None:
    body = {"email": email, "password": PASSWORD, "tenant_name": "X", "tenant_slug": "initech"}
    client = APIClient(headers={"Host": "localhost"})
    assert refused(client.post("/api/v1/auth/signup/", body))
    assert browser("localhost").post("/signup/", body).status_code == 400
    assert (User.objects.count(), Tenant.objects.count()) == (0, 0)


@pytest.mark.parametrize("email", UNMAILABLE)
def test_undeliverable_address_is_not_invited(email: str, acme: Tenant) -> None:
    make_member(acme, "admin")
    admin = api_client(acme, "admin@acme.test")
    assert refused(admin.post("/api/v1/invitations/", {"email": email}))
    page = browser()
    page.post("/login/", {"email": "admin@acme.test", "password": PASSWORD})
    invited = page.post("/members/", {"email": email, "role": "member"})
    assert invited.status_code == 400
    assert not Invitation.platform.exists()
    client = APIClient(headers={"Host": "localhost"})
    for path in ("password/reset/", "email/resend/"):
        assert refused(client.post(f"/api/v1/auth/{path}", {"email": email}))


@pytest.mark.django_db
@pytest.mark.parametrize("email", UNMAILABLE)
def test_staff_and_commands_refuse_an_undeliverable_address(email: str) -> None:
    staff = browser("localhost")
    staff.force_login(User.objects.create_superuser("staff@example.test", PASSWORD))
    passwords = {"usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}
    response = staff.post("/admin/authentication/user/add/", {"email": email, **passwords})
    assert response.status_code == 200
    with pytest.raises(CommandError):
        call_command("createsuperuser", "--no-input", "--email", email, stdout=StringIO())
    assert User.objects.count() == 1
