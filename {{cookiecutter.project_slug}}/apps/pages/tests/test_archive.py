"""Owners archive their workspace on its page."""

import pytest

from apps.isolation.testing.people import PASSWORD
from apps.pages.testing import Visit
from apps.tenants.models import Tenant

PAGE = "/settings/archive/"


def _status() -> str:
    return str(Tenant.objects.get().status)


@pytest.mark.parametrize("role", ["admin", "member", "viewer"])
def test_others_cannot_archive_the_workspace(role: str, visit: Visit) -> None:
    page = visit(role)
    assert page.get(PAGE).status_code == 403
    assert page.post(PAGE, {"current_password": PASSWORD}).status_code == 403
    assert _status() == "active"


def test_owner_archives_the_workspace(visit: Visit) -> None:
    page = visit("owner")
    assert PAGE in page.get("/settings/").content.decode()
    assert "Incorrect password" in page.post(PAGE, {"current_password": "x"}).content.decode()
    assert _status() == "active"
    shown = page.post(PAGE, {"current_password": PASSWORD}).content.decode()
    assert "Acme is archived" in shown
    assert "will be deleted after" in shown
    assert _status() == "archived"
    assert page.get("/").status_code == 403
