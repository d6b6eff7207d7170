"""The second factor in the API and in the admin."""

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from rest_framework.test import APIClient

from apps.audit.models import AuditEvent
from apps.authentication import second_factor
from apps.authentication import services as accounts
from apps.isolation.testing import make_member
from apps.isolation.testing.people import PASSWORD
from apps.memberships.models import Membership
from apps.tenants.models import Tenant
from config.settings import authentication
from tests.support import app_code, at_once, give_second_factor, statements

EMAIL = "member@acme.test"
REQUIRED = {
    "detail": "An unused code of the second factor is required.",
    "code": "second_factor_required",
}
NO_ACTIVE_ACCOUNT = {
    "detail": "No active account with these credentials.",
    "code": "no_active_account",
}


def post(path: str, host: str = "acme.localhost", bearer: str = "", **body: Any) -> Any:
    headers = {"Host": host} | ({"Authorization": f"Bearer {bearer}"} if bearer else {})
    return APIClient(headers=headers).post(f"/api/v1/auth/{path}/", body)


def log_in(code: str | None = None, **more: Any) -> Any:
    given = {} if code is None else {"code": code}
    return post("token", **{"email": EMAIL, "password": PASSWORD} | given | more)


@pytest.fixture
def member(acme: Tenant) -> Membership:
    membership: Membership = make_member(acme, "member")
    return membership


@pytest.fixture
def secret(member: Membership) -> str:
    return give_second_factor(member.user)[0]


@pytest.mark.parametrize("code", [None, "", "000", "no code", "000000000", "١٢٣٤٥٦"])
def test_password_without_a_code_is_refused(code: str | None, secret: str) -> None:
    response = log_in(code)
    assert (response.status_code, response.json()) == (401, REQUIRED)
    assert response["WWW-Authenticate"].startswith("Bearer")


def test_code_of_the_app_is_accepted(secret: str) -> None:
    assert log_in(app_code(secret)).status_code == 200


@pytest.mark.parametrize("body", [{"password": "wrong"}, {"tenant": "globex"}])
def test_response_does_not_reveal_second_factors(
    body: dict[str, str], acme: Tenant, secret: str
) -> None:
    make_member(acme, "member", "plain@acme.test")
    log_in(**body)  # from now on the host is known
    costs = []
    for email in (EMAIL, "plain@acme.test"):
        with statements() as sent:
            response = log_in(app_code(secret), email=email, **body)
        assert (response.status_code, response.json()) == (401, NO_ACTIVE_ACCOUNT)
        costs.append(len(sent))
    assert costs[0] == costs[1]


def test_code_is_valid_once_across_tenants(globex: Tenant, secret: str) -> None:
    make_member(globex, "viewer", EMAIL)
    code = app_code(secret)
    assert log_in(code).status_code == 200
    for host in ("acme.localhost", "globex.localhost"):
        assert log_in(code, host=host).json() == REQUIRED
    assert log_in(app_code(secret, 1), host="globex.localhost").status_code == 200
    # An earlier code is invalid after a later one was used.
    assert log_in(app_code(secret)).json() == REQUIRED


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["app", "recovery"])
def test_concurrent_log_ins_with_one_code_succeed_once(kind: str, member: Membership) -> None:
    secret, codes = give_second_factor(member.user)
    code = app_code(secret) if kind == "app" else codes[3]
    statuses = at_once(6, lambda: log_in(code).status_code)
    assert sorted(statuses) == [200, *[401] * 5]


def test_recovery_code_is_valid_once(member: Membership) -> None:
    _, codes = give_second_factor(member.user)
    assert len(set(codes)) == 10
    for code in (codes[7], codes[0]):
        assert [log_in(code).status_code for _ in range(2)] == [200, 401]


def test_guesses_of_codes_are_limited(secret: str, settings: Any) -> None:
    rates: Any = authentication.ACCOUNT_RATE_LIMITS
    settings.ACCOUNT_RATE_LIMITS = {"second_factor": rates["second_factor"]}
    statuses = [log_in(code).status_code for code in ("0", app_code(secret), *"123456789")]
    assert statuses == [401, 200, *[401] * 8, 429]
    assert log_in(app_code(secret, 1)).status_code == 429
    assert log_in().status_code == 401  # the response that asks for a code is not limited


def test_switch_and_refresh_need_no_code(globex: Tenant, secret: str) -> None:
    make_member(globex, "viewer", EMAIL)
    pair = log_in(app_code(secret)).json()
    assert post("token/refresh", refresh=pair["refresh"]).status_code == 200
    assert post("switch", bearer=pair["access"], tenant="globex").status_code == 200


def test_password_change_keeps_the_second_factor(secret: str, mailoutbox: list[Any]) -> None:
    new = "a much better horse"
    post("password/reset", email=EMAIL)
    token = mailoutbox[0].body.split("https://localhost/")[1].split("/")[1]
    assert post("password/reset/confirm", token=token, password=new).status_code == 204
    assert log_in(password=new).json() == REQUIRED


@pytest.mark.django_db(transaction=True)
def test_sign_up_does_not_bypass_the_second_factor(provisioning: None, secret: str) -> None:
    """The new owner's tokens would allow a switch to the user's other tenants."""
    body = {"email": EMAIL, "password": PASSWORD, "tenant_name": "New", "tenant_slug": "initech"}
    for code in ({}, {"code": "000000"}):
        response = post("signup", host="localhost", **body, **code)
        assert (response.status_code, list(response.json())) == (400, ["code"])
    wrong = post("signup", host="localhost", **body | {"password": "wrong"})
    assert list(wrong.json()) == ["email"]
    assert post("signup", host="localhost", **body, code=app_code(secret)).status_code == 201


def test_secrets_are_encrypted_and_reencrypted_by_a_new_key(
    secret: str, member: Membership, settings: Any
) -> None:
    def stored() -> dict[str, str]:
        return {row.type: str(row.data) for row in Authenticator.objects.filter(user=member.user)}

    before = stored()
    assert not [data for data in before.values() if secret in data]
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-" * 5
    assert log_in(app_code(secret)).status_code == 200
    settings.SECRET_KEY_FALLBACKS = []
    assert stored().keys() == before.keys()
    assert log_in(app_code(secret, 1)).status_code == 200


def test_second_factor_is_deleted_with_the_user(secret: str, member: Membership) -> None:
    Membership.platform.filter(pk=member.pk).delete()
    accounts.forget(member.user.pk)
    assert not Authenticator.objects.exists()


def test_audit_log_records_changes_without_secrets(
    acme: Tenant, secret: str, member: Membership
) -> None:
    log_in()
    log_in("000000")
    second_factor.switch_off(member.user, tenant=acme.pk, actor=member.user)
    second_factor.switch_off(member.user, tenant=acme.pk, actor=member.user)
    events = AuditEvent.objects.for_tenant(acme).order_by("id")
    assert [(event.action, event.object_id, event.changes) for event in events] == [
        ("session.log_in_failed", str(member.user.pk), {}),
        ("account.second_factor_off", str(member.user.pk), {}),
    ]


# The admin


@pytest.fixture
def staff(member: Membership) -> Any:
    member.user.is_staff = member.user.is_superuser = True
    member.user.save()
    return member.user


def log_in_to_admin(**more: str) -> tuple[Client, Any]:
    client = Client(headers={"Host": "localhost", "Accept": "text/html"})
    body = {"username": EMAIL, "password": PASSWORD, "next": "/admin/"} | more
    return client, client.post("/admin/login/", body)


@pytest.mark.parametrize("code", [{}, {"code": ""}, {"code": "000000"}])
def test_admin_requires_a_code(code: dict[str, str], secret: str, staff: Any) -> None:
    client, response = log_in_to_admin(**code)
    assert "An unused code of the second factor is required" in response.content.decode()
    assert 'name="code"' in response.content.decode()
    assert "sessionid" not in client.cookies
    assert client.get("/admin/").status_code == 302


def test_admin_accepts_a_code(secret: str, staff: Any) -> None:
    client, response = log_in_to_admin(code=app_code(secret))
    assert response["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200


def test_admin_does_not_reveal_second_factors(acme: Tenant, secret: str, staff: Any) -> None:
    texts = set()
    for email in (EMAIL, "nobody@acme.test"):
        _, response = log_in_to_admin(username=email, password="wrong", code=app_code(secret))
        texts.add(response.content.decode().replace(email, "").split("<form")[1].split("csrf")[0])
        assert "second factor is required" not in response.content.decode()
    assert len(texts) == 1


def test_log_ins_to_the_admin_are_counted(staff: Any, settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login": "2/m/key"}
    statuses = [log_in_to_admin(password="wrong")[1].status_code for _ in range(3)]
    assert statuses == [200, 200, 429]


def test_staff_can_disable_it_without_seeing_secrets(acme: Tenant, secret: str, staff: Any) -> None:
    client, _ = log_in_to_admin(code=app_code(secret))
    assert client.get("/admin/mfa/authenticator/").status_code == 404
    other = make_member(acme, "viewer").user
    give_second_factor(other)
    body = {"action": "switch_off_second_factor", "_selected_action": [str(other.pk)]}
    assert client.post("/admin/authentication/user/", body).status_code == 302
    assert second_factor.is_on(staff)
    assert not second_factor.is_on(other)
    event = AuditEvent.platform.latest("id")
    assert (event.action, event.tenant_id, event.actor_id, event.object_id) == (
        "account.second_factor_off",
        None,
        staff.pk,
        str(other.pk),
    )
