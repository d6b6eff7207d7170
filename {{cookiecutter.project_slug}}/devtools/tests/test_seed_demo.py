"""``seed_demo``: the data of the demo."""

from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from allauth.account.models import EmailAddress
from django.core.management import call_command
from rest_framework.test import APIClient

from apps.authentication.models import User
from apps.isolation import tenant_context
from apps.memberships.models import Membership
from apps.tenants.models import Tenant
from devtools.demo import UNCHANGED
from devtools.seeding import _password_of
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


def test_two_tenants_with_data_of_the_product() -> None:
    _seed()
    for slug in ("acme", "globex"):
        with tenant_context(Tenant.objects.get(slug=slug)):
            assert [shelf.name for shelf in Shelf.objects.all()] == [f"{slug.title()} shelf"]


def test_all_users_can_log_in_to_their_tenants() -> None:
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


def test_second_run_changes_nothing() -> None:
    _seed()
    before = _everything()
    _seed()
    assert _everything() == before


def test_given_password_is_not_printed() -> None:
    assert PASSWORD not in _seed()


def _password(output: str) -> str:
    """Return the printed password, which must appear once, at the end."""
    label, password = output.splitlines()[-1].split(": ")
    assert label == "Password of all demo users"
    assert output.count(password) == 1
    return password


@pytest.fixture
def no_demo_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEMO_PASSWORD")


@pytest.mark.usefixtures("no_demo_password")
def test_generated_password_is_printed_and_kept() -> None:
    password = _password(_seed())
    assert len(password) >= 12
    log_in = _log_in("viewer@globex.test", "globex", password)
    assert log_in.status_code == 200
    assert _password(_seed()) == password
    header = f"Bearer {log_in.json()['access']}"
    client = APIClient(headers={"Host": "globex.localhost", "Authorization": header})
    assert client.get("/api/v1/me/").status_code == 200, "the log-in ended"


@pytest.mark.usefixtures("no_demo_password")
def test_other_demo_has_another_password(settings: Any) -> None:
    """The password cannot be derived from output or from another machine's key."""
    tenant = Tenant(pk=uuid4())
    first = _password_of(tenant)
    assert _password_of(tenant) == first
    assert _password_of(Tenant(pk=uuid4())) != first
    settings.SECRET_KEY = "another"
    assert _password_of(tenant) != first


def test_given_password_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _seed()
    monkeypatch.delenv("DEMO_PASSWORD")
    assert _password(_seed()) == UNCHANGED
    assert _log_in("owner@acme.test", "acme").status_code == 200


@pytest.mark.parametrize("key", ["the same", "another"])
@pytest.mark.usefixtures("no_demo_password")
def test_chosen_password_is_kept(key: str, settings: Any) -> None:
    password = _password(_seed())
    user = User.objects.get(email="owner@acme.test")
    user.set_password("their own")
    user.save()
    if key == "another":
        settings.SECRET_KEY = key
    assert _password(_seed()) == (UNCHANGED if key == "another" else password)
    assert _log_in("owner@acme.test", "acme", "their own").status_code == 200
    assert _log_in("viewer@acme.test", "acme", password).status_code == 200


@pytest.mark.usefixtures("no_demo_password")
def test_recreated_user_has_the_common_password() -> None:
    password = _password(_seed())
    user = User.objects.get(email="viewer@acme.test")
    user.email = "gone@example.test"
    user.save()
    EmailAddress.objects.filter(user=user).delete()
    assert _password(_seed()) == password
    assert _log_in("viewer@acme.test", "acme", password).status_code == 200


def test_given_password_applies_to_all_users(monkeypatch: pytest.MonkeyPatch) -> None:
    _seed()
    monkeypatch.setenv("DEMO_PASSWORD", "another word")
    _seed()
    assert _log_in("owner@acme.test", "acme", "another word").status_code == 200
    assert _log_in("owner@acme.test", "acme").status_code == 401
