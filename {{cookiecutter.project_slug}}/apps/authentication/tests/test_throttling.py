"""How often one may try before one is asked to wait."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.isolation.testing import make_member
from apps.tenants.models import Tenant
from config.settings import authentication

AUTH = "/api/v1/auth/"
PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True)
def limits(settings: Any, acme: Tenant, globex: Tenant) -> None:
    make_member(acme, "member")
    settings.ACCOUNT_RATE_LIMITS = authentication.ACCOUNT_RATE_LIMITS
    # What were counted in the default cache, which is a tenant's, would be forgotten here.
    dummy = {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}
    settings.CACHES = {**settings.CACHES, "default": dummy}


def _post(path: str, host: str = "acme.localhost", bearer: str = "", **body: Any) -> Any:
    headers = {"Host": host} | ({"Authorization": f"Bearer {bearer}"} if bearer else {})
    return APIClient(headers=headers).post(f"{AUTH}{path}", body)


def _log_in(host: str = "acme.localhost", password: str = PASSWORD, **body: Any) -> Any:
    return _post("token/", host, **{"email": "member@acme.test", "password": password, **body})


@pytest.mark.parametrize("email", ["member@acme.test", "nobody@acme.test"])
def test_a_password_cannot_be_guessed_for_long_on_whatever_host(email: str) -> None:
    """Neither another tenant, nor a port or another spelling of the host, starts the count anew."""
    hosts = ["acme.localhost", "ACME.localhost", "acme.localhost:1", "globex.localhost"]
    bodies = [{"email": email, "password": str(n)} for n in range(10)]
    answers = [_log_in(hosts[n % 4], **body) for n, body in enumerate(bodies)]
    assert {answer.status_code for answer in answers} == {401}
    for host in [*hosts, "localhost"]:
        response = _log_in(host, email=email.upper())
        assert (response.status_code, response.json()["code"]) == (429, "throttled")
        assert int(response.headers["Retry-After"]) > 0


def test_other_users_are_not_held_up(acme: Tenant) -> None:
    make_member(acme, "owner")
    for _ in range(11):
        _log_in(password="wrong")
    assert _log_in().status_code == 429
    assert _log_in(email="owner@acme.test").status_code == 200


def test_one_client_cannot_try_many_users() -> None:
    answers = [_log_in(email=f"{n}@acme.test").status_code for n in range(31)]
    assert answers == [401] * 30 + [429]


def test_a_client_does_not_say_itself_where_it_is() -> None:
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
def test_a_mailbox_is_not_filled(path: str, email: str, mailoutbox: list[Any]) -> None:
    answers = [_post(path, "localhost", email=email) for _ in range(5)]
    assert answers[0].status_code == 204
    assert answers[-1].status_code == 429
    assert len(mailoutbox) <= 2


def test_the_old_password_cannot_be_guessed_by_who_has_a_token() -> None:
    token = _log_in().json()["access"]
    body = {"current_password": "x", "new_password": "a much better horse"}
    answers = [_post("password/change/", bearer=token, **body).status_code for _ in range(6)]
    assert answers == [400] * 5 + [429]


def test_sign_up_is_limited() -> None:
    answers = [_post("signup/", "localhost", email="x").status_code for _ in range(3)]
    assert answers == [400] * 3  # what is malformed costs nothing
    body = {"password": "short", "tenant_name": "x", "tenant_slug": "initech"}
    answers = [
        _post("signup/", "localhost", email=f"{n}@x.test", **body).status_code for n in range(11)
    ]
    assert answers == [400] * 10 + [429]
