"""``seed_demo``: the data of the demo."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from apps.authentication.models import User
from apps.isolation import tenant_context
from apps.memberships.models import Membership
from apps.tenants.models import Tenant
from tests.sample.models import Shelf

pytestmark = pytest.mark.usefixtures("provisioning")

PASSWORD = "let me try it"


@pytest.fixture(autouse=True)
def demo_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMO_PASSWORD", PASSWORD)


def _seed() -> str:
    output = StringIO()
    call_command("seed_demo", stdout=output)
    return output.getvalue()


def _log_in(email: str, tenant: str, password: str = PASSWORD) -> Any:
    client = APIClient(headers={"Host": f"{tenant}.localhost"})
    return client.post("/api/v1/auth/token/", {"email": email, "password": password})


def _everything() -> list[Any]:
    rows: list[Any] = list(Membership.platform.order_by("pk").values_list("user", "tenant", "role"))
    for tenant in Tenant.objects.order_by("slug"):
        with tenant_context(tenant):
            rows += [tenant.pk, list(Shelf.objects.order_by("pk").values_list("pk", "name"))]
    return rows


def test_two_tenants_with_what_the_product_fills_them_with() -> None:
    _seed()
    for slug in ("acme", "globex"):
        with tenant_context(Tenant.objects.get(slug=slug)):
            assert [shelf.name for shelf in Shelf.objects.all()] == [f"{slug.title()} shelf"]


def test_everybody_can_log_in_where_they_belong() -> None:
    _seed()
    roles = {}
    for slug in ("acme", "globex"):
        for email in [f"{role}@{slug}.test" for role in ("owner", "admin", "member", "viewer")] + [
            "both@example.test"
        ]:
            response = _log_in(email, slug)
            assert response.status_code == 200, email
            header = f"Bearer {response.json()['access']}"
            client = APIClient(headers={"Host": f"{slug}.localhost", "Authorization": header})
            roles[slug, email.split("@")[0]] = client.get("/api/v1/me/").json()["role"]
    assert all(role == who for (_, who), role in roles.items() if who != "both")
    assert (roles["acme", "both"], roles["globex", "both"]) == ("member", "admin")
    assert User.objects.count() == 9


def test_a_second_run_changes_nothing() -> None:
    _seed()
    before = _everything()
    _seed()
    assert _everything() == before


def test_a_given_password_is_not_printed() -> None:
    assert PASSWORD not in _seed()


def test_a_random_password_is_printed_once_and_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEMO_PASSWORD")
    output = _seed()
    label, password = output.splitlines()[-1].rsplit(" ", 1)
    assert label == "Password of all demo users:"
    assert len(password) >= 12
    assert output.count(password) == 1
    assert _log_in("viewer@globex.test", "globex", password).status_code == 200
    assert password not in _seed()  # the next one is another
    assert _log_in("viewer@globex.test", "globex", password).status_code == 401
