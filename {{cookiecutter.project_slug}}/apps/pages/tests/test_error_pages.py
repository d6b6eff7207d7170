"""Error pages: layout, text, and independence of the database."""

from uuid import UUID, uuid4

import pytest
from django.db import OperationalError
from django.test import Client

from apps.authentication.exceptions import SignUpFailed
from apps.memberships.models import Membership
from apps.pages.testing import Visit, browser
from apps.tenants.models import Tenant
from tests.support import statements

FRAME = '<a class="brand" href="/">Acme</a>', 'aria-label="Workspace"', "Log out"


def _answers(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Let the page of members raise an error."""

    def fail(*args: object) -> None:
        raise error

    monkeypatch.setattr("apps.memberships.selectors.active_members", fail)


@pytest.fixture
def client(visit: Visit) -> Client:
    client = visit("member")
    client.raise_request_exception = False
    return client


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/settings/", 403, "You may not do this"),
        (f"/members/{UUID(int=0)}/remove/", 403, "ask an Admin of the workspace"),
    ],
)
def test_error_page_has_the_sites_layout(path: str, status: int, text: str, client: Client) -> None:
    response = client.get(path)
    page = response.content.decode()
    assert (response.status_code, text in page) == (status, True)
    assert all(each in page for each in FRAME)


def test_strangers_see_no_layout_of_a_tenant(acme: Tenant, visit: Visit) -> None:
    page = visit("admin").get(f"/members/{uuid4()}/remove/").content.decode()
    assert "This page does not exist" in page
    assert all(each in page for each in FRAME)
    for stranger in (browser(), browser("nobody.localhost")):
        page = stranger.get("/nothing/").content.decode()
        assert not any(each in page for each in FRAME)


def test_throttled_page_says_when_to_retry(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    rates = {"tenant": None, "anonymous": None, "member": "1/minute", "invitations": None}
    monkeypatch.setattr("apps.authentication.throttling.Throttle.THROTTLE_RATES", rates)
    client.get("/members/")
    response = client.get("/members/")
    assert response.status_code == 429
    page = response.content.decode()
    assert f"Try again in {response['Retry-After']} second" in page
    assert all(each in page for each in FRAME)


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (ZeroDivisionError(), 500, "Something went wrong"),
        (OperationalError(), 500, "Something went wrong"),
        (SignUpFailed(), 503, "Not available at present"),
    ],
)
def test_server_error_page_needs_no_database(
    error: Exception, status: int, text: str, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.post("/profile/", {"full_name": "Mia"})
    _answers(monkeypatch, error)
    with statements() as sql:
        response = client.get("/members/", headers={"X-Request-ID": "abc-1"})
    assert len(sql) == 3, "the session, its user, and the membership"
    page = response.content.decode()
    assert (response.status_code, text in page) == (status, True)
    assert ("<code>abc-1</code>" in page) == (status == 500)
    assert all(each in page for each in FRAME)
    # Messages may be in the database: they wait for a page without an error.
    assert "Your profile was changed." not in page
    assert "Your profile was changed." in client.get("/profile/").content.decode()


@pytest.mark.parametrize("status", ["suspended", "archived"])
def test_members_see_that_their_workspace_is_suspended(
    status: str, acme: Tenant, client: Client
) -> None:
    Tenant.objects.filter(pk=acme.pk).update(status=status)
    response = client.get("/members/")
    assert response.status_code == 403
    assert "This workspace is suspended" in response.content.decode()


def test_former_members_can_log_out(acme: Tenant, client: Client) -> None:
    Membership.objects.for_tenant(acme).update(is_active=False)
    page = client.get("/members/").content.decode()
    assert 'href="/logout/"' in page
    assert not any(each in page for each in FRAME[:2])
