"""Owners order and download an export on its page."""

import pytest

from apps.exports.models import TenantExport
from apps.isolation.testing.people import PASSWORD
from apps.pages.testing import Visit
from apps.tasks.testing import run_enqueued_tasks

PAGE = "/settings/exports/"


@pytest.mark.usefixtures("provisioning")
def test_owner_orders_and_downloads_an_export(visit: Visit) -> None:
    page = visit("owner")
    assert PAGE in page.get("/settings/").content.decode()
    assert "Incorrect password" in page.post(PAGE, {"current_password": "x"}).content.decode()
    shown = page.post(PAGE, {"current_password": PASSWORD}, follow=True).content.decode()
    assert "The export was ordered" in shown
    assert "Pending" in shown
    again = page.post(PAGE, {"current_password": PASSWORD}).content.decode()
    assert "An export is being written" in again
    assert "Order an export" in again
    link = f"{PAGE}{TenantExport.platform.get().pk}/"
    assert page.get(link).status_code == 404
    run_enqueued_tasks()
    assert link in page.get(PAGE).content.decode()
    response = page.get(link)
    assert b"".join(response.streaming_content).startswith(b"header.json")  # type: ignore[attr-defined]
    response.close()
