"""Creation of tenants with real storage."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction

from apps.isolation.app_registry import SHARED_DB
from apps.isolation.exceptions import ProvisioningError
from apps.isolation.strategy.provisioning import deprovision, provision, provisioning_report
from apps.isolation.testing import api_client, make_member
from apps.tenants import services
from apps.tenants.models import Domain, Status, Tenant
from apps.tenants.services import create_tenant

pytestmark = pytest.mark.usefixtures("provisioning")


def _everything() -> tuple[list[Any], list[Any]]:
    return list(Tenant.objects.values()), list(Domain.platform.values())


def test_tenant_creation() -> None:
    """A new tenant is active, and has storage and a primary domain."""
    tenant = create_tenant(slug="initech", name="Initech")
    stored = Tenant.objects.get()
    assert (stored.pk, stored.slug, stored.name) == (tenant.pk, "initech", "Initech")
    assert stored.status == Status.ACTIVE
    assert provisioning_report(tenant).exists
    domain = Domain.objects.for_tenant(tenant).get()
    assert (domain.domain, domain.is_primary) == ("initech.localhost", True)


def test_new_tenant_is_served_at_once() -> None:
    tenant = create_tenant(slug="initech", name="Initech")
    client = api_client(tenant, make_member(tenant, "member").user.email)
    assert client.post("/api/v1/sample/shelves/", {"name": "first"}).status_code == 201
    assert [p["name"] for p in client.get("/api/v1/sample/shelves/").json()["results"]] == ["first"]


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("Shop.Example.com", "shop.example.com"),
        ("shop.example.com.", "shop.example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
    ],
)
def test_domain_is_normalised(given: str, stored: str) -> None:
    tenant = create_tenant(slug="initech", name="Initech", domain=given)
    assert Domain.objects.for_tenant(tenant).get().domain == stored


@pytest.mark.parametrize("domain", ["", "box.localhost", "BOX.localhost.", "shop.example.com"])
def test_shared_host_is_refused_as_a_domain(settings: Any, domain: str) -> None:
    settings.SHARED_HOSTS = ["localhost", "box.localhost"]
    before = _everything()
    with pytest.raises(ValidationError):
        create_tenant(slug="box", name="Box", domain=domain)
    with pytest.raises(ValidationError):
        create_tenant(slug="initech", name="Initech", domain="box.localhost")
    assert _everything() == before


def test_rename_to_a_shared_host_is_refused(settings: Any) -> None:
    tenant = create_tenant(slug="initech", name="Initech", domain="shop.example.com")
    settings.SHARED_HOSTS = ["localhost", "box.localhost"]
    with pytest.raises(ValidationError):
        services.rename_tenant(tenant, slug="box")


def test_taken_slug_or_domain_is_refused() -> None:
    create_tenant(slug="initech", name="Initech", domain="shop.example.com")
    before = _everything()
    for slug, domain, field in (
        ("initech", "", "slug"),
        ("initech", "shop.example.com", "slug"),
        ("initrode", "shop.example.com", "domain"),
        ("initrode", "SHOP.example.com", "domain"),
    ):
        with pytest.raises(ValidationError) as refusal:
            create_tenant(slug=slug, name="Another", domain=domain)
        assert list(refusal.value.message_dict) == [field]
        assert _everything() == before


@pytest.mark.parametrize(
    ("slug", "domain", "field"),
    [
        ("www", "", "slug"),
        ("", "", "slug"),
        ("a" * 64, "", "slug"),
        ("In_Itech", "initech.localhost", "slug"),
        ("initech", "localhost", "domain"),
        ("initech", "127.0.0.1", "domain"),
        ("initech", "not a host", "domain"),
        ("initech", "http://initech.example/", "domain"),
        ("initech", "initech.example:8000", "domain"),
        ("initech", "a..example", "domain"),
        ("initech", f"{'a.' * 130}example", "domain"),
        ("initech", f"{'a.' * 123}examples", "domain"),  # the maximum is 253
    ],
)
def test_invalid_slug_or_domain_is_refused(slug: str, domain: str, field: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        create_tenant(slug=slug, name="Initech", domain=domain)
    assert list(refusal.value.message_dict) == [field]
    assert _everything() == ([], [])


@pytest.mark.parametrize(
    ("slug", "domain", "field"),
    [("initech", "another.example", "slug"), ("initrode", "initech.localhost", "domain")],
)
def test_lost_race_is_refused_like_a_duplicate(
    slug: str, domain: str, field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    full_clean = Domain.full_clean

    def lose(row: Domain, **options: Any) -> None:
        """Let another request win between the last check and the first row."""
        monkeypatch.setattr(Domain, "full_clean", full_clean)
        row.full_clean(**options)
        create_tenant(slug="initech", name="Initech")

    monkeypatch.setattr(Domain, "full_clean", lose)
    with pytest.raises(ValidationError) as refusal:
        create_tenant(slug=slug, name="Another", domain=domain)
    assert list(refusal.value.message_dict) == [field]
    assert Tenant.objects.get().name == "Initech"


def test_concurrent_runs_activate_a_tenant_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lose(tenant: Any) -> None:
        """Let another run find the tenant unfinished, and finish it."""
        monkeypatch.setattr(services, "provision", provision)
        create_tenant(slug="initech", name="Faster")
        provision(tenant)

    monkeypatch.setattr(services, "provision", lose)
    with pytest.raises(ValidationError) as refusal:
        create_tenant(slug="initech", name="Slower")
    assert list(refusal.value.message_dict) == ["slug"]
    tenant = Tenant.objects.get()
    assert (tenant.name, tenant.status) == ("Faster", Status.ACTIVE)
    assert provisioning_report(tenant).exists
    assert Domain.objects.for_tenant(tenant).get().is_primary


def test_failed_concurrent_run_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prepared: list[Any] = []

    def fail(tenant: Any) -> None:
        raise ProvisioningError("no room")

    def lose(tenant: Any) -> None:
        """Let another run find the tenant unfinished, fail, and remove it."""
        prepared.append(tenant)
        monkeypatch.setattr(services, "provision", fail)
        with pytest.raises(ProvisioningError):
            create_tenant(slug="initech", name="Another")
        provision(tenant)

    monkeypatch.setattr(services, "provision", lose)
    with pytest.raises(ValidationError):
        create_tenant(slug="initech", name="Initech")
    assert _everything() == ([], [])
    assert provisioning_report(prepared[0]).tables == 0


@pytest.mark.parametrize("has_storage", [False, True])
def test_unfinished_tenant_is_completed(has_storage: bool) -> None:
    first = create_tenant(slug="initech", name="Initech")
    Tenant.objects.update(status=Status.PREPARING)
    if not has_storage:
        deprovision(first)
    second = create_tenant(slug="initech", name="Initech")
    assert second.pk == first.pk
    assert Tenant.objects.get().status == Status.ACTIVE
    assert provisioning_report(second).exists


def test_shared_rows_of_a_new_tenant_are_created_atomically() -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic(using=SHARED_DB):
        Tenant(slug="initech", name="Initech").save()
        raise ZeroDivisionError
    assert _everything() == ([], [])
