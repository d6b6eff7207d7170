"""Sign-up creates a user, a tenant with storage, and an owner, or nothing."""

import re
from collections.abc import Callable
from itertools import count
from smtplib import SMTPException
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.db import connections
from rest_framework.test import APIClient

from apps.authentication import sign_up
from apps.authentication.models import User
from apps.authentication.sign_up import complete_sign_up
from apps.isolation.app_registry import SHARED_DB
from apps.isolation.exceptions import ProvisioningError
from apps.isolation.strategy.provisioning import NEEDS_STORAGE, provision, provisioning_report
from apps.memberships.models import Membership
from apps.memberships.roles import Role
from apps.tenants import services
from apps.tenants.models import Domain, Status, Tenant
from tests.support import at_once

pytestmark = pytest.mark.usefixtures("provisioning")

SIGN_UP = "/api/v1/auth/signup/"
PASSWORD = "correct horse battery staple"
BODY = {
    "email": "Ada@Initech.test",
    "password": PASSWORD,
    "full_name": "Ada",
    "tenant_name": "Initech Ltd",
    "tenant_slug": "initech",
}


def _sign_up(host: str = "localhost", **changes: Any) -> Any:
    return APIClient(headers={"Host": host}).post(SIGN_UP, {**BODY, **changes})


def _rows() -> list[int]:
    tables: list[Any] = [User, EmailAddress, Tenant]
    counts = [table.objects.count() for table in tables]
    return counts + [table.platform.count() for table in (Domain, Membership)]


def test_sign_up_returns_a_tenant_and_tokens(mailoutbox: list[Any]) -> None:
    response = _sign_up()
    assert response.status_code == 201
    body = response.json()
    tenant = Tenant.objects.get()
    assert set(body) == {"tenant", "access", "refresh"}
    assert body["tenant"] == {
        "id": str(tenant.pk),
        "slug": "initech",
        "name": "Initech Ltd",
        "status": "active",
        "domain": "initech.localhost",
    }
    headers = {"Host": "initech.localhost", "Authorization": f"Bearer {body['access']}"}
    client = APIClient(headers=headers)
    assert client.get("/api/v1/me/").json()["role"] == "owner"
    assert client.post("/api/v1/sample/shelves/", {"name": "first"}).status_code == 201
    user = User.objects.get()
    assert (user.email, user.full_name) == ("ada@initech.test", "Ada")
    assert (user.is_staff, user.is_superuser) == (False, False)
    assert user.check_password(PASSWORD)
    assert provisioning_report(tenant).exists
    assert _rows() == [1, 1, 1, 1, 1]
    # The address is unverified until its mailed token is used.
    assert not EmailAddress.objects.is_verified(user.email)
    (mail,) = mailoutbox
    assert mail.to == ["ada@initech.test"]
    token = re.search(r"https://localhost/verify-email/([^/]+)/", mail.body)
    assert token
    path = "/api/v1/auth/email/verify/"
    assert client.post(path, {"token": token[1]}).status_code == 204
    assert EmailAddress.objects.is_verified(user.email)


def test_sign_up_is_on_the_shared_host_only() -> None:
    services.create_tenant(slug="acme", name="Acme")
    response = _sign_up("acme.localhost")
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_sign_up_can_be_closed(settings: Any) -> None:
    settings.SIGN_UP_OPEN = False
    response = _sign_up()
    assert (response.status_code, response.json()["code"]) == (403, "sign_up_closed")
    assert _rows() == [0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("tenant_slug", slug) for slug in ("", "www", "adm1n", "log-in", "In_Itech", "a" * 64)),
        *(("tenant_slug", slug) for slug in ("acme", "acrne", "аcme")),  # noqa: RUF001
        *(("tenant_slug", slug) for slug in ("taken", "xn--80ak6aa92e", "a\0b", None)),
        *(("email", email) for email in ("", "x", "x@y", f"{'x' * 250}@y.test", None)),
        *(("password", password) for password in ("", "short", "password123", "ada@initech.test")),
        *(("tenant_name", name) for name in ("", " ", "x" * 256, "a\0b", None)),
        ("full_name", "x" * 256),
    ],
)
def test_invalid_input_is_reported_and_leaves_nothing(field: str, value: Any) -> None:
    for slug, domain in (("acme", "acme.localhost"), ("other", "taken.localhost")):
        tenant = Tenant.objects.create(slug=slug, name=slug, status=Status.ACTIVE)
        Domain(tenant=tenant, domain=domain, is_primary=True).save()
    before = _rows()
    response = _sign_up(**{field: value})
    assert (response.status_code, list(response.json())) == (400, [field])
    assert _rows() == before


def test_existing_user_creates_another_tenant(mailoutbox: list[Any]) -> None:
    _sign_up()
    mailoutbox.clear()
    response = _sign_up(tenant_slug="initrode", email="ada@initech.test", full_name="Eve")
    assert response.status_code == 201
    user = User.objects.get()
    assert user.full_name == "Ada"
    roles = Membership.objects.for_user(user).values_list("tenant__slug", "role")
    assert sorted(roles) == [("initech", Role.OWNER), ("initrode", Role.OWNER)]
    assert mailoutbox == []


@pytest.mark.parametrize("is_active", [True, False])
def test_existing_address_with_a_wrong_password_is_refused(is_active: bool) -> None:
    password = "wrong" if is_active else PASSWORD
    User.objects.create_user("ada@initech.test", PASSWORD, is_active=is_active)
    response = _sign_up(password=password)
    assert (response.status_code, list(response.json())) == (400, ["email"])
    assert _rows() == [1, 0, 0, 0, 0]


def test_failed_mail_does_not_stop_sign_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise SMTPException

    monkeypatch.setattr("django.core.mail.EmailMultiAlternatives.send", fail)
    assert _sign_up().status_code == 201
    assert "could not send" in caplog.text
    assert "initech" not in caplog.text


def _break_before_storage(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(tenant: Any) -> None:
        raise ProvisioningError("no room")

    monkeypatch.setattr(services, "provision", fail)


def _break_after_storage(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(tenant: Any) -> None:
        provision(tenant)
        raise ProvisioningError("no room")

    monkeypatch.setattr(services, "provision", fail)


def _break_the_membership(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: Any, **options: Any) -> None:
        raise ProvisioningError("no owner")

    monkeypatch.setattr("apps.authentication.sign_up.add_member", fail)


FAILURES = [_break_the_membership]
if NEEDS_STORAGE:
    FAILURES += [_break_before_storage, _break_after_storage]


@pytest.mark.parametrize("break_it", FAILURES)
def test_failure_leaves_nothing_and_can_be_repeated(
    break_it: Callable[[pytest.MonkeyPatch], None],
    monkeypatch: pytest.MonkeyPatch,
    mailoutbox: list[Any],
) -> None:
    made: list[Tenant] = []
    register = services._register

    def note(tenant: Tenant, domain: Domain) -> bool:
        made.append(tenant)
        return register(tenant, domain)

    monkeypatch.setattr(services, "_register", note)
    with monkeypatch.context() as patch:
        break_it(patch)
        response = _sign_up()
    assert (response.status_code, response.json()["code"]) == (503, "sign_up_failed")
    assert _rows() == [0, 0, 0, 0, 0]
    report = provisioning_report(made[0])
    assert (report.exists, report.tables) in {(False, 0), (True, 0)}
    assert mailoutbox == []
    assert _sign_up().status_code == 201


@pytest.mark.skipif(not NEEDS_STORAGE, reason="A tenant is open as soon as it is stored.")
def test_failed_sign_up_keeps_a_user_who_signs_up_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(tenant: Tenant) -> None:
        monkeypatch.undo()
        assert _sign_up(tenant_slug="other").status_code == 201
        raise ProvisioningError("no room")

    monkeypatch.setattr(sign_up, "_complete", fail)
    assert _sign_up().status_code == 503
    assert _rows() == [1] * 5
    assert Tenant.objects.get().slug == "other"


@pytest.mark.two_connections
def test_concurrent_sign_ups() -> None:
    numbers = count()

    def sign_up() -> Any:
        number = next(numbers)
        return _sign_up(email=f"{number}@x.test", tenant_slug=f"tenant-{number}")

    answers = at_once(20, sign_up)
    assert [answer.status_code for answer in answers] == [201] * 20
    assert len({answer.json()["tenant"]["id"] for answer in answers}) == 20
    assert _rows() == [20] * 5
    assert set(Tenant.objects.values_list("status", flat=True)) == {Status.ACTIVE}


def test_concurrent_sign_ups_with_the_same_slug() -> None:
    emails = iter(["ada@x.test", "bob@x.test", "eve@x.test", "kim@x.test"])
    answers = at_once(4, lambda: _sign_up(email=next(emails)))
    assert sorted(answer.status_code for answer in answers) == [201, 400, 400, 400]
    refusals = [answer.json() for answer in answers if answer.status_code == 400]
    assert [list(refusal) for refusal in refusals] == [["tenant_slug"]] * 3
    assert _rows() == [1] * 5
    assert provisioning_report(Tenant.objects.get()).exists


def test_concurrent_sign_ups_with_the_same_address() -> None:
    slugs = iter(["one", "two", "three", "four"])
    answers = at_once(4, lambda: _sign_up(tenant_slug=next(slugs)))
    statuses = [answer.status_code for answer in answers]
    # The later requests find an account, and create another tenant with its password.
    assert set(statuses) <= {201, 400}
    assert 201 in statuses
    for answer in answers:
        if answer.status_code == 400:
            assert list(answer.json()) == ["email"]
    assert User.objects.count() == 1
    assert Tenant.objects.count() == statuses.count(201)
    assert set(Tenant.objects.values_list("status", flat=True)) == {Status.ACTIVE}


@pytest.mark.skipif(not NEEDS_STORAGE, reason="A tenant's tables are there.")
def test_sign_up_succeeds_if_a_worker_completes_it_first(
    monkeypatch: pytest.MonkeyPatch, mailoutbox: list[Any]
) -> None:
    def be_late(tenant: Tenant) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(sign_up, "make_storage", services.make_storage)
            complete_sign_up.call(str(tenant.pk))

    monkeypatch.setattr(sign_up, "make_storage", be_late)
    assert _sign_up().status_code == 201
    assert _rows() == [1] * 5
    assert len(mailoutbox) == 1
    complete_sign_up.call(str(Tenant.objects.get().pk))
    assert len(mailoutbox) == 1


def test_sign_up_uses_the_owner_for_provisioning_only() -> None:
    """The run-time role cannot create tables, schemas, databases or roles."""
    with connections[SHARED_DB].cursor() as cursor:
        cursor.execute(
            "SELECT rolcreatedb OR rolcreaterole OR rolsuper OR "
            "has_database_privilege(current_database(), 'CREATE') OR "
            "has_schema_privilege('public', 'CREATE') FROM pg_roles WHERE rolname = current_user"
        )
        assert cursor.fetchone() == (False,)
    assert _sign_up().status_code == 201
