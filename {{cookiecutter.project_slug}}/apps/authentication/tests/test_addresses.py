"""Verification of e-mail addresses by a mailed token."""

import re
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from rest_framework.test import APIClient

from apps.authentication.models import User
from tests.support import statements

AUTH = "/api/v1/auth/"

pytestmark = pytest.mark.django_db


def _post(path: str, **body: Any) -> Any:
    return APIClient(headers={"Host": "localhost"}).post(f"{AUTH}{path}", body)


def _token_in(mail: Any) -> str:
    found = re.search(r"https://localhost/verify-email/([^/]+)/", mail.body)
    assert found, mail.body
    return found[1]


@pytest.fixture
def user() -> User:
    return User.objects.create_user("who@example.test", "correct horse battery staple")


def test_mailed_token_verifies_an_address(user: User, mailoutbox: list[Any]) -> None:
    assert _post("email/resend/", email="Who@Example.test").status_code == 204
    token = _token_in(mailoutbox[0])
    assert mailoutbox[0].to == ["who@example.test"]
    assert not EmailAddress.objects.is_verified(user.email)
    assert _post("email/verify/", token=token).status_code == 204
    assert EmailAddress.objects.is_verified(user.email)
    assert _post("email/verify/", token=token).status_code == 400  # already used


@pytest.mark.parametrize("token", ["x", "a:b:c", "é", ":", "Mg:1abc:sig"])
def test_invalid_token_is_refused(token: str, user: User) -> None:
    response = _post("email/verify/", token=token)
    assert (response.status_code, list(response.json())) == (400, ["token"])


def test_token_expires(user: User, mailoutbox: list[Any], settings: Any) -> None:
    _post("email/resend/", email=user.email)
    settings.ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS = -1
    assert _post("email/verify/", token=_token_in(mailoutbox[0])).status_code == 400


def test_reset_token_does_not_verify(user: User, mailoutbox: list[Any]) -> None:
    _post("password/reset/", email=user.email)
    found = re.search(r"/password-reset/([^/]+)/", mailoutbox[0].body)
    assert found
    assert _post("email/verify/", token=found[1]).status_code == 400


def test_response_does_not_reveal_accounts_or_verification(
    user: User, mailoutbox: list[Any]
) -> None:
    verified = User.objects.create_user("verified@example.test")
    EmailAddress.objects.create(user=verified, email=verified.email, verified=True)
    EmailAddress.objects.create(user=user, email=user.email)
    answers = []
    for email in ("who@example.test", "verified@example.test", "nobody@example.test"):
        with statements() as sent:
            response = _post("email/resend/", email=email)
        answers.append((response.status_code, response.content, len(mailoutbox)))
        assert len(sent) <= 2  # one more query for a token; sending a mail takes far longer
        mailoutbox.clear()
    assert answers == [(204, b"", 1)] * 3


def test_mails_come_from_the_platform(user: User, mailoutbox: list[Any], settings: Any) -> None:
    settings.PLATFORM_ORIGIN = "https://app.example.com"
    settings.DEFAULT_FROM_EMAIL = "noreply@example.com"
    for path in ("email/resend/", "password/reset/"):
        for email in (user.email, "nobody@example.test"):
            _post(path, email=email)
    assert len(mailoutbox) == 4
    for mail in mailoutbox:
        assert mail.from_email == "noreply@example.com"
        assert "app.example.com" in mail.body
        assert "localhost" not in mail.body + mail.subject
        assert mail.subject == mail.subject.strip() != ""
