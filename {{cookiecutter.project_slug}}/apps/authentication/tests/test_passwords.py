"""Password change with the old password, and reset by mail."""

import re
from functools import partial
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.utils import timezone
from rest_framework.test import APIClient

from apps.authentication.models import User
from apps.isolation.testing import make_member
from apps.tenants.models import Tenant
from tests.support import at_once, statements

AUTH = "/api/v1/auth/"
PASSWORD = "correct horse battery staple"
NEW = "a much better horse"


def _post(path: str, host: str = "acme.localhost", bearer: str = "", **body: Any) -> Any:
    headers = {"Host": host} | ({"Authorization": f"Bearer {bearer}"} if bearer else {})
    return APIClient(headers=headers).post(f"{AUTH}{path}", body)


def _log_in(password: str = PASSWORD) -> Any:
    return _post("token/", email="member@acme.test", password=password)


@pytest.fixture
def user(acme: Tenant) -> User:
    user: User = make_member(acme, "member").user
    return user


@pytest.fixture
def pair(user: User) -> dict[str, str]:
    pair: dict[str, str] = _log_in().json()
    return pair


def _change(token: str, current: str = PASSWORD, new: str = NEW) -> Any:
    return _post("password/change/", bearer=token, current_password=current, new_password=new)


def _token_in(mail: Any) -> str:
    found = re.search(r"https://localhost/password-reset/([^/]+)/", mail.body)
    assert found, mail.body
    return found[1]


def _ask(host: str = "acme.localhost", email: str = "member@acme.test") -> Any:
    return _post("password/reset/", host, email=email)


def _confirm(token: str, password: str = NEW) -> Any:
    return _post("password/reset/confirm/", token=token, password=password)


def test_password_change_ends_all_other_tokens(pair: dict[str, str]) -> None:
    response = _change(pair["access"])
    assert response.status_code == 200
    new = response.json()
    for old, status in ((pair, 401), (new, 200)):
        headers = {"Host": "acme.localhost", "Authorization": f"Bearer {old['access']}"}
        assert APIClient(headers=headers).get("/api/v1/me/").status_code == status
        assert _post("token/verify/", token=old["refresh"]).status_code == status
        assert _post("token/refresh/", refresh=old["refresh"]).status_code == status
    assert _log_in().status_code == 401
    assert _log_in(NEW).status_code == 200


def test_password_change_needs_the_old_password(pair: dict[str, str]) -> None:
    response = _change(pair["access"], current="wrong")
    assert (response.status_code, list(response.json())) == (400, ["current_password"])
    assert _change("").status_code == 401
    assert _log_in().status_code == 200


@pytest.mark.parametrize("password", ["short", "password123", "20260101202", "member@acme.test"])
def test_password_policy_applies_everywhere(
    password: str, pair: dict[str, str], mailoutbox: list[Any]
) -> None:
    response = _change(pair["access"], new=password)
    assert (response.status_code, list(response.json())) == (400, ["new_password"])
    _ask()
    response = _confirm(_token_in(mailoutbox[0]), password)
    assert (response.status_code, list(response.json())) == (400, ["password"])
    assert _log_in().status_code == 200


def test_password_reset_by_mail(pair: dict[str, str], user: User, mailoutbox: list[Any]) -> None:
    assert _ask(email="Member@ACME.test").status_code == 204
    (mail,) = mailoutbox
    assert mail.to == ["member@acme.test"]
    assert _confirm(_token_in(mail)).status_code == 204
    assert _log_in().status_code == 401
    assert _log_in(NEW).status_code == 200
    assert _post("token/refresh/", refresh=pair["refresh"]).status_code == 401
    # Reading the mail proves ownership of the address.
    assert EmailAddress.objects.get(user=user).verified


def test_mailed_token_is_valid_once(user: User, mailoutbox: list[Any]) -> None:
    _ask()
    token = _token_in(mailoutbox[0])
    assert [_confirm(token).status_code for _ in range(2)] == [204, 400]


@pytest.mark.django_db(transaction=True)
def test_concurrent_use_of_a_mailed_token_succeeds_once(user: User, mailoutbox: list[Any]) -> None:
    _ask()
    answers = at_once(4, partial(_confirm, _token_in(mailoutbox[0])))
    assert sorted(answer.status_code for answer in answers) == [204, 400, 400, 400]


def _expire(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.PASSWORD_RESET_TIMEOUT = -1


def _change_address(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    User.objects.update(email="other@acme.test")


def _deactivate(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    User.objects.update(is_active=False)


def _log_in_to_admin(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    User.objects.update(last_login=timezone.now())


@pytest.mark.parametrize("event", [_expire, _change_address, _deactivate, _log_in_to_admin])
def test_mailed_token_is_invalid_after_changes(
    event: Any,
    user: User,
    mailoutbox: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
) -> None:
    _ask()
    event(monkeypatch, settings)
    response = _confirm(_token_in(mailoutbox[0]))
    assert (response.status_code, list(response.json())) == (400, ["token"])


def test_invalid_token_gets_the_response_of_an_unknown_user(user: User) -> None:
    tokens = ["x", "-", "", f"{user.pk.hex}-", f"{user.pk.hex}-a-b", f"{'0' * 32}-c1-x", "é-é"]
    answers = [_confirm(token) for token in tokens]
    assert {answer.status_code for answer in answers} == {400}
    assert {tuple(answer.json()) for answer in answers} == {("token",)}


def test_response_does_not_reveal_accounts(user: User, mailoutbox: list[Any]) -> None:
    """Known, unknown and inactive users: the same response after the same queries."""
    User.objects.create_user("gone@acme.test", PASSWORD, is_active=False)
    answers = []
    for email in ("member@acme.test", "nobody@acme.test", "gone@acme.test"):
        with statements() as sent:
            response = _ask("localhost", email)
        answers.append((response.status_code, response.content, len(sent), len(mailoutbox)))
        mailoutbox.clear()
    assert answers == [(204, b"", 1, 1)] * 3


def test_mail_to_an_unknown_address_has_no_token(user: User, mailoutbox: list[Any]) -> None:
    _ask(email="nobody@acme.test")
    assert mailoutbox[0].to == ["nobody@acme.test"]
    assert "password-reset" not in mailoutbox[0].body
