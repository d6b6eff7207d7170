"""Lifetime and ownership of sessions."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient
from rest_framework_simplejwt import tokens

from apps.authentication.models import Session
from apps.authentication.sessions import BEGUN
from apps.isolation import tenant_context
from apps.isolation.integrations.sessions import end_sessions
from apps.isolation.testing import make_member
from apps.isolation.testing.people import PASSWORD
from apps.memberships.models import Membership
from apps.memberships.roles import Role
from apps.memberships.services import add_member, remove_member
from apps.pages.testing import browser
from apps.tenants.models import Tenant
from apps.tenants.settings import SESSION_HOURS, TenantSettings
from tests.support import statements

EMAIL = "member@acme.test"
AUTH = "/api/v1/auth/"


@pytest.fixture
def member(acme: Tenant) -> Membership:
    membership: Membership = make_member(acme, "member")
    # Sessions in these tests are hours old, so memberships must be older.
    Membership.objects.for_tenant(acme).update(joined_at=timezone.now() - timedelta(days=1))
    return membership


def post(path: str, **body: Any) -> Any:
    return APIClient(headers={"Host": "acme.localhost"}).post(f"{AUTH}{path}/", body)


def log_in(host: str = "acme.localhost") -> Any:
    page = browser(host)
    page.post("/login/", {"email": EMAIL, "password": PASSWORD})
    return page


def later(monkeypatch: pytest.MonkeyPatch, hours: int) -> None:
    """Advance the clock of the token library."""
    monkeypatch.setattr(tokens, "aware_utcnow", lambda: timezone.now() + timedelta(hours=hours))


@pytest.mark.parametrize(("hours", "status"), [(2, 401), (3, 401), (4, 200)])
def test_current_setting_applies_to_old_refresh_tokens(
    hours: int, status: int, member: Membership, acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    refresh = post("token", email=EMAIL, password=PASSWORD).json()["refresh"]
    TenantSettings(acme).set(SESSION_HOURS, hours)
    later(monkeypatch, 3)
    assert post("token/verify", token=refresh).status_code == status
    answer = post("token/refresh", refresh=refresh)
    assert answer.status_code == status
    assert ("refresh" in answer.json()) == (status == 200)


def test_current_setting_applies_to_switched_tokens(
    member: Membership, acme: Tenant, globex: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_member(globex, "member", EMAIL)
    access = post("token", email=EMAIL, password=PASSWORD).json()["access"]
    client = APIClient(headers={"Host": "acme.localhost", "Authorization": f"Bearer {access}"})
    refresh = client.post(f"{AUTH}switch/", {"tenant": "globex"}).json()["refresh"]
    TenantSettings(acme).set(SESSION_HOURS, 1)
    later(monkeypatch, 2)
    there = APIClient(headers={"Host": "globex.localhost"})
    assert there.post(f"{AUTH}token/refresh/", {"refresh": refresh}).status_code == 200
    TenantSettings(globex).set(SESSION_HOURS, 1)
    assert there.post(f"{AUTH}token/verify/", {"token": refresh}).status_code == 401


@pytest.mark.parametrize(("hours", "status"), [(2, 302), (4, 200)])
def test_current_setting_applies_to_sessions_of_pages(
    hours: int, status: int, member: Membership, acme: Tenant
) -> None:
    page = log_in()
    with tenant_context(acme):
        session = page.session
        session[BEGUN] -= 3 * 3600
        session.save()
    TenantSettings(acme).set(SESSION_HOURS, hours)
    assert page.get("/profile/").status_code == status
    TenantSettings(acme).set(SESSION_HOURS, 4)
    assert page.get("/profile/").status_code == status  # an ended session stays ended


def come_back(member: Membership) -> None:
    """Remove a member, and let them join again a minute later."""
    remove_member(member, actor=None)
    again = add_member(member.tenant, member.user, Role.MEMBER)
    Membership.objects.for_tenant(member.tenant).filter(pk=again.pk).update(
        joined_at=timezone.now() + timedelta(minutes=1)
    )


def test_reinvited_member_must_log_in_again(member: Membership) -> None:
    make_member(member.tenant, "owner")
    pair = post("token", email=EMAIL, password=PASSWORD).json()
    page = log_in()
    assert page.get("/profile/").status_code == 200
    come_back(member)
    assert page.get("/profile/").status_code == 302
    client = APIClient(
        headers={"Host": "acme.localhost", "Authorization": f"Bearer {pair['access']}"}
    )
    assert client.get("/api/v1/me/").status_code == 401
    assert client.post(f"{AUTH}switch/", {"tenant": "acme"}).status_code == 401
    assert post("token/refresh", refresh=pair["refresh"]).status_code == 401
    assert post("token/verify", token=pair["refresh"]).status_code == 401


def test_role_change_keeps_log_ins(member: Membership) -> None:
    pair = post("token", email=EMAIL, password=PASSWORD).json()
    page = log_in()
    add_member(member.tenant, member.user, Role.ADMIN)
    assert page.get("/profile/").status_code == 200
    assert post("token/refresh", refresh=pair["refresh"]).status_code == 200


def test_sessions_of_a_user_are_found_without_reading_others(
    member: Membership, acme: Tenant, globex: Tenant
) -> None:
    make_member(globex, "member", EMAIL)
    make_member(acme, "viewer")
    other = browser()
    other.post("/login/", {"email": "viewer@acme.test", "password": PASSWORD})
    pages = [log_in(), log_in(), log_in("globex.localhost"), other]
    with tenant_context(acme), statements() as sent:
        end_sessions(member.user_id)
    assert len(sent) <= 2  # with receivers of deletions, Django reads the rows first
    assert '"user_id" = %s' in sent[0].split("WHERE")[1]
    statuses = [page.get("/profile/").status_code for page in pages]
    assert statuses == [302, 302, 200, 200]


def test_session_row_has_user_and_tenant(member: Membership, acme: Tenant) -> None:
    browser().get("/login/")
    log_in()
    rows = Session.objects.exclude(user_id=None).values_list("user_id", "tenant_id")
    assert set(rows) == {(member.user_id, acme.pk)}
    columns = [index.fields for index in Session._meta.indexes]
    assert ["user_id", "tenant_id"] in columns
