"""The second factor on pages: enabling, disabling, and log-in."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest
from allauth.account.models import EmailAddress
from django.test import Client, TestCase

from apps.audit.models import AuditEvent
from apps.authentication import second_factor
from apps.authentication.models import Session
from apps.isolation.app_registry import SHARED_DB
from apps.isolation.testing import api_client, make_member
from apps.isolation.testing.people import PASSWORD
from apps.memberships.models import Membership
from apps.pages.testing import browser
from apps.tenants.models import Tenant
from tests.support import app_code, give_second_factor, invite, mailed_token

EMAIL = "member@acme.test"
PAGE = "/profile/second-factor/"
CODE_PAGE = "/login/code/"


@pytest.fixture
def member(acme: Tenant) -> Membership:
    membership: Membership = make_member(acme, "member")
    EmailAddress.objects.create(user=membership.user, email=EMAIL, primary=True, verified=True)
    return membership


def log_in(client: Client, url: str = "/login/", **more: str) -> Any:
    return client.post(url, {"email": EMAIL, "password": PASSWORD} | more)


@pytest.fixture
def client(member: Membership) -> Client:
    """Return a browser with a session of the member."""
    client = browser()
    assert log_in(client)["Location"] == "/"
    return client


def secret_on(page: Any) -> str:
    found = re.search(r"<code>([A-Z2-7]{32})</code>", page.content.decode())
    assert found
    return found[1]


def switch_on(client: Client, **more: str) -> Any:
    secret = secret_on(client.get(PAGE))
    body = {"code": app_code(secret), "current_password": PASSWORD} | more
    return secret, client.post(PAGE, body)


def test_second_factor_is_enabled_by_a_code(client: Client, member: Membership) -> None:
    page = client.get(PAGE)
    assert secret_on(page) == secret_on(client.get(PAGE))  # also in a second window
    picture = re.search(r'src="data:image/svg\+xml,([^"]+)"', page.content.decode())
    assert picture
    assert unquote(picture[1]).endswith("</svg>")
    secret, shown = switch_on(client)
    codes = re.findall(r"<li><code>(\d{8})</code>", shown.content.decode())
    assert (shown.status_code, len(codes)) == (200, 10)
    assert "no-store" in shown["Cache-Control"]
    assert secret not in shown.content.decode()
    again = client.get(PAGE).content.decode()
    assert "Switch off" in again
    assert not [each for each in (secret, *codes) if each in again]
    assert second_factor.is_on(member.user)
    # The code that enabled it is used; the session stays valid.
    newcomer = browser()
    log_in(newcomer)
    used = shown.wsgi_request.POST["code"]
    assert newcomer.post(CODE_PAGE, {"code": used}).status_code == 400
    assert newcomer.post(CODE_PAGE, {"code": codes[0]})["Location"] == "/"
    assert client.get("/").status_code == 200


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"code": "000000"}, "Incorrect code"),
        ({"code": ""}, "This field is required."),
        ({"current_password": "wrong"}, "Incorrect password."),
    ],
)
def test_enabling_needs_code_and_password(
    more: dict[str, str], message: str, client: Client, member: Membership
) -> None:
    secret, page = switch_on(client, **more)
    assert (page.status_code, message in page.content.decode()) == (400, True)
    assert secret_on(page) == secret
    assert not second_factor.is_on(member.user)


def test_enabling_needs_a_verified_address(client: Client, member: Membership) -> None:
    EmailAddress.objects.update(verified=False)
    _, page = switch_on(client)
    assert "Verify your address first" in page.content.decode()
    assert not second_factor.is_on(member.user)


def test_disabling_needs_the_password(client: Client, member: Membership) -> None:
    give_second_factor(member.user)
    assert client.post(PAGE, {"current_password": "wrong"}).status_code == 400
    assert second_factor.is_on(member.user)
    assert client.post(PAGE, {"current_password": PASSWORD})["Location"] == "/profile/"
    assert not second_factor.is_on(member.user)
    assert log_in(browser())["Location"] == "/"


def test_enabling_and_disabling_are_mailed(
    client: Client, acme: Tenant, member: Membership
) -> None:
    switch_on(client)
    client.post(PAGE, {"current_password": PASSWORD})
    events = AuditEvent.objects.for_tenant(acme).filter(actor_id=member.user.pk).order_by("id")
    assert [(event.action, event.changes) for event in events] == [
        ("session.logged_in", {}),
        ("account.second_factor_on", {}),
        ("account.second_factor_off", {}),
    ]


# Logging in


def test_log_in_needs_a_correct_code(member: Membership) -> None:
    secret, _ = give_second_factor(member.user)
    client = browser()
    code_page = f"{CODE_PAGE}?next=%2Fmembers%2F"
    assert log_in(client, "/login/?next=/members/")["Location"] == code_page
    for code in ("000000", "", "no code"):
        assert client.get("/")["Location"] == "/login/?next=/"
        assert client.post(code_page, {"code": code}).status_code == 400
    before = client.cookies["sessionid"].value
    assert client.post(code_page, {"code": app_code(secret)})["Location"] == "/members/"
    assert client.cookies["sessionid"].value != before
    assert client.get("/").status_code == 200
    assert client.get(CODE_PAGE)["Location"] == "/login/"


@pytest.mark.parametrize("gap", ["nobody", "another tenant", "a new password", "no member", "late"])
def test_code_is_accepted_after_a_recent_password_only(
    gap: str, globex: Tenant, member: Membership
) -> None:
    make_member(globex, "viewer", EMAIL)
    secret, _ = give_second_factor(member.user)
    client, headers = browser(), {}
    if gap != "nobody":
        log_in(client)
        assert client.cookies["sessionid"]["max-age"] == 600
    if gap == "another tenant":
        headers = {"Host": "globex.localhost"}
    elif gap == "a new password":
        member.user.set_password("a much better horse")
        member.user.save()
    elif gap == "no member":
        Membership.platform.filter(pk=member.pk).update(is_active=False)
    elif gap == "late":
        Session.objects.update(expire_date="2020-01-01T00:00:00Z")
    response = client.post(CODE_PAGE, {"code": app_code(secret)}, headers=headers)
    assert response["Location"] == "/login/"
    assert client.get("/", headers=headers).status_code == 302


def test_guesses_of_codes_on_pages_are_limited(member: Membership, settings: Any) -> None:
    secret, _ = give_second_factor(member.user)
    settings.ACCOUNT_RATE_LIMITS = {"second_factor": "2/m/key"}
    client = browser()
    log_in(client)
    codes = ("000000", "000000", app_code(secret))
    statuses = [client.post(CODE_PAGE, {"code": code}).status_code for code in codes]
    assert statuses == [400, 400, 429]
    body = {"email": EMAIL, "password": PASSWORD, "code": app_code(secret)}
    assert api_client(member.tenant).post("/api/v1/auth/token/", body).status_code == 429


def test_invitation_does_not_bypass_the_second_factor(globex: Tenant, member: Membership) -> None:
    make_member(globex, "owner")
    secret, _ = give_second_factor(member.user)
    invite(api_client(globex, "owner@globex.test"), EMAIL)
    client = browser("globex.localhost")
    response = client.post(f"/invitations/{mailed_token()}/", {"password": PASSWORD})
    assert response["Location"].startswith(CODE_PAGE)
    assert client.get("/").status_code == 302
    assert client.post(CODE_PAGE, {"code": app_code(secret)})["Location"] == "/"
    assert client.get("/").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_sign_up_of_an_existing_user_asks_for_a_code(
    provisioning: None, member: Membership
) -> None:
    secret, _ = give_second_factor(member.user)
    client = browser("localhost")
    field = '<input type="text" name="code"'
    assert field not in client.get("/signup/").content.decode()
    body = {
        "email": EMAIL,
        "password": PASSWORD,
        "tenant_name": "Initech",
        "tenant_slug": "initech",
    }
    asked = client.post("/signup/", body)
    assert (asked.status_code, field in asked.content.decode()) == (400, True)
    with TestCase.captureOnCommitCallbacks(using=SHARED_DB):
        done = client.post("/signup/", body | {"code": app_code(secret)})
    assert done["Location"].startswith("/signup/")


CHANGES: dict[str, Callable[[Client, Membership], Any]] = {
    "on": lambda client, member: switch_on(client)[1],
    "off": lambda client, member: client.post(PAGE, {"current_password": PASSWORD}),
    "off by staff": lambda client, member: second_factor.switch_off(
        member.user, tenant=None, actor=None
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_change_of_second_factor_ends_other_log_ins(
    change: str, client: Client, member: Membership, globex: Tenant
) -> None:
    """As after a password change, they were begun with other credentials."""
    make_member(globex, "viewer", EMAIL)
    other, elsewhere = browser(), browser("globex.localhost")
    pairs = []
    for page, host in ((other, "acme.localhost"), (elsewhere, "globex.localhost")):
        log_in(page)
        body = {"email": EMAIL, "password": PASSWORD}
        asked = browser(host).post("/api/v1/auth/token/", body, content_type="application/json")
        pairs.append((host, asked.json()))
    if change != "on":
        give_second_factor(member.user)
    answer = CHANGES[change](client, member)
    assert answer is None or answer.status_code in {200, 302}
    assert [page.get("/profile/").status_code for page in (other, elsewhere)] == [302, 302]
    for host, pair in pairs:
        for path, body in (
            ("refresh", {"refresh": pair["refresh"]}),
            ("verify", {"token": pair["access"]}),
        ):
            asked = browser(host).post(
                f"/api/v1/auth/token/{path}/", body, content_type="application/json"
            )
            assert asked.status_code == 401
    goes_on = 302 if change == "off by staff" else 200
    assert client.get("/profile/").status_code == goes_on


def test_failed_change_ends_no_log_in(client: Client, member: Membership) -> None:
    second_factor.switch_off(member.user, tenant=None, actor=None)
    assert client.post(PAGE, {"code": "000000", "current_password": PASSWORD}).status_code == 400
    assert client.get("/profile/").status_code == 200


def test_change_ends_a_log_in_that_waits_for_its_code(member: Membership) -> None:
    secret, _ = give_second_factor(member.user)
    half = browser()
    log_in(half)
    second_factor.switch_off(member.user, tenant=None, actor=None)
    assert half.post(CODE_PAGE, {"code": app_code(secret)})["Location"] == "/login/"
    assert half.get("/profile/").status_code == 302
