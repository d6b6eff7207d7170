"""Limits of attempts to log in, reset a password and sign up."""

from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from apps.isolation.testing import make_member
from apps.tenants.models import Tenant
from config.settings import authentication
from tests.support import at_once

AUTH = "/api/v1/auth/"
PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True)
def limits(settings: Any, acme: Tenant, globex: Tenant) -> None:
    make_member(acme, "member")
    settings.ACCOUNT_RATE_LIMITS = authentication.ACCOUNT_RATE_LIMITS
    # Counters in the default cache, which belongs to a tenant, would be lost here.
    dummy = {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}
    settings.CACHES = {**settings.CACHES, "default": dummy}


def _post(
    path: str, host: str = "acme.localhost", bearer: str = "", source: str = "", **body: Any
) -> Any:
    headers = {"Host": host} | ({"Authorization": f"Bearer {bearer}"} if bearer else {})
    extra: dict[str, Any] = {"REMOTE_ADDR": source} if source else {}
    return APIClient(headers=headers).post(f"{AUTH}{path}", body, **extra)


def _log_in(host: str = "acme.localhost", password: str = PASSWORD, **body: Any) -> Any:
    return _post("token/", host, **{"email": "member@acme.test", "password": password, **body})


@pytest.mark.parametrize("email", ["member@acme.test", "nobody@acme.test"])
def test_password_guesses_are_limited_across_hosts(email: str) -> None:
    """A port or another spelling of host and address does not reset the counter."""
    hosts = ["acme.localhost", "ACME.localhost", "acme.localhost:1", "acme.localhost."]
    bodies = [{"email": email, "password": str(n)} for n in range(10)]
    answers = [_log_in(hosts[n % 4], **body) for n, body in enumerate(bodies)]
    assert {answer.status_code for answer in answers} == {401}
    for place in (*hosts, "localhost"):
        named = {"tenant": "acme"} if place == "localhost" else {}
        response = _log_in(place, email=email.upper(), **named)
        assert (response.status_code, response.json()["code"]) == (429, "throttled")
        assert int(response.headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("host", "source"),
    [
        ("globex.localhost", "127.0.0.1"),  # another tenant, from the user's own IP address
        ("globex.localhost", "203.0.113.7"),
        ("acme.localhost", "203.0.113.7"),  # the user's own tenant, from another IP address
        ("localhost", "127.0.0.1"),
        ("acme.localhost", "2001:db8::7"),
    ],
)
def test_strangers_cannot_lock_a_user_out(host: str, source: str) -> None:
    statuses = {_log_in(host, password="wrong", source=source).status_code for _ in range(12)}
    assert statuses == {401, 429}
    assert _log_in().status_code == 200


def test_guesses_across_tenants_are_limited(settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login": "2/m/key", "login_everywhere": "3/h/key"}
    hosts = ["acme.localhost", "acme.localhost", "globex.localhost", "globex.localhost"]
    answers = [_log_in(host, password="wrong").status_code for host in hosts]
    assert answers == [401, 401, 401, 429]
    assert _log_in(source="203.0.113.7").status_code == 200


def test_known_address_is_not_locked_out_by_many_strangers(
    settings: Any, mailoutbox: list[Any]
) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login_by_strangers": "3/h/key"}
    assert _log_in(source="192.0.2.1").status_code == 200
    sources = [f"203.0.113.{n}" for n in range(4)]
    answers = [_log_in(password="wrong", source=each).status_code for each in sources]
    assert answers == [401, 401, 401, 429]
    assert _log_in(source="192.0.2.1").status_code == 200
    # Other IP addresses stay limited, until the user resets the password there by mail.
    assert _log_in(source="198.51.100.1").status_code == 429
    _post("password/reset/", "localhost", email="member@acme.test")
    token = mailoutbox[-1].body.split("https://localhost/")[1].split("/")[1]
    new = "a much better horse"
    body = {"token": token, "password": new}
    done = _post("password/reset/confirm/", "localhost", source="198.51.100.1", **body)
    assert done.status_code == 204
    assert _log_in(password=new, source="198.51.100.1").status_code == 200


@pytest.mark.parametrize("body", [{"password": ""}, {"password": "wrong"}, {"email": "x"}])
def test_failed_log_ins_do_not_make_an_address_known(body: dict[str, str], settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login_by_strangers": "3/h/key"}
    form = {"username": "member@acme.test", **body}
    for _ in range(4):
        _log_in(**body)
        Client(headers={"Host": "localhost"}).post("/admin/login/", form)
    for _ in range(3):
        _log_in(password="wrong", source="203.0.113.7")
    assert _log_in().status_code == 429


def test_frequent_successful_log_ins_are_not_limited() -> None:
    assert {_log_in().status_code for _ in range(35)} == {200}


@pytest.mark.django_db(transaction=True)
def test_concurrent_guesses_do_not_exceed_the_limit() -> None:
    answers = at_once(14, lambda: _log_in(password="wrong").status_code)
    assert sorted(answers) == [401] * 10 + [429] * 4


def test_other_users_are_not_limited(acme: Tenant) -> None:
    make_member(acme, "owner")
    for _ in range(11):
        _log_in(password="wrong")
    assert _log_in().status_code == 429
    assert _log_in(email="owner@acme.test").status_code == 200


def test_guesses_across_users_are_limited() -> None:
    answers = [_log_in(email=f"{n}@acme.test").status_code for n in range(31)]
    assert answers == [401] * 30 + [429]


def test_client_cannot_choose_its_address() -> None:
    client = APIClient(headers={"Host": "acme.localhost"})
    for n in range(31):
        response = client.post(
            f"{AUTH}token/",
            {"email": f"{n}@acme.test", "password": "x"},
            headers={"X-Forwarded-For": f"203.0.113.{n}"},
        )
    assert response.status_code == 429


@pytest.mark.parametrize("path", ["password/reset/", "email/resend/"])
@pytest.mark.parametrize("email", ["member@acme.test", "nobody@acme.test"])
def test_mails_to_an_address_are_limited(path: str, email: str, mailoutbox: list[Any]) -> None:
    answers = [_post(path, "localhost", email=email) for _ in range(5)]
    assert answers[0].status_code == 204
    assert answers[-1].status_code == 429
    assert len(mailoutbox) <= 2


def test_guesses_of_the_old_password_are_limited() -> None:
    token = _log_in().json()["access"]
    body = {"current_password": "x", "new_password": "a much better horse"}
    answers = [_post("password/change/", bearer=token, **body).status_code for _ in range(6)]
    assert answers == [400] * 5 + [429]


def test_sign_up_is_limited() -> None:
    answers = [_post("signup/", "localhost", email="x").status_code for _ in range(3)]
    assert answers == [400] * 3  # malformed requests do not count
    body = {"password": "short", "tenant_name": "x", "tenant_slug": "initech"}
    answers = [
        _post("signup/", "localhost", email=f"{n}@x.test", **body).status_code for n in range(11)
    ]
    assert answers == [400] * 10 + [429]
