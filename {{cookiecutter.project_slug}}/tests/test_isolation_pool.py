"""Storage for tests: created once, reused, and always empty."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.isolation import tenant_context
from apps.isolation.strategy.provisioning import deprovision, provision, provisioning_report
from apps.isolation.testing import api_client, make_member, pool
from apps.tenants.models import Domain, Tenant
from tests.sample.models import Shelf


def test_tenant_of_a_test_is_complete(acme: Tenant) -> None:
    assert (acme.slug, acme.status) == ("acme", "active")
    assert Domain.objects.for_tenant(acme).get().domain == "acme.localhost"
    assert provisioning_report(acme).exists
    assert pool.holds(acme.pk)


@pytest.mark.parametrize("turn", [1, 2])
def test_storage_is_empty_in_each_test(turn: int, acme: Tenant) -> None:
    with tenant_context(acme):
        assert not Shelf.objects.exists()
        Shelf.objects.create(name=f"turn {turn}")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", [1, 2])
def test_storage_is_empty_after_commits(turn: int, acme: Tenant) -> None:
    with tenant_context(acme):
        assert not Shelf.objects.exists()
        Shelf.objects.create(name=f"turn {turn}")


def test_more_tenants_than_storages(new_tenant: Callable[..., Any]) -> None:
    for number in range(pool.SIZE):
        new_tenant(f"tenant-{number}")
    with pytest.raises(RuntimeError, match="raise SIZE in"):
        new_tenant("one-too-many")


def test_failed_log_in_of_a_client_is_an_error(acme: Tenant) -> None:
    with pytest.raises(AssertionError, match=r"nobody@acme\.test cannot log in"):
        api_client(acme, "nobody@acme.test")


def test_clients_log_in_over_http(acme: Tenant, client_of: Callable[..., Any]) -> None:
    make_member(acme, "owner")
    client = client_of(acme, "owner")
    assert isinstance(client, APIClient)
    assert client.get("/api/v1/me/").json()["role"] == "owner"
    assert client_of(acme, "owner").get("/api/v1/me/").status_code == 200  # for the same member


@pytest.mark.usefixtures("provisioning")
def test_storage_can_be_created_and_destroyed_repeatedly() -> None:
    tenant = Tenant(slug="initech", name="Initech", status="active")
    tenant.save()
    for _ in range(2):
        provision(tenant)
    with tenant_context(tenant):
        Shelf.objects.create(name="Moon")
    report = provisioning_report(tenant)
    assert report.exists
    assert report.tables >= 1
    assert report.size > 0
    assert tenant.pk.hex in report.name.replace("-", "")
    for _ in range(2):
        deprovision(tenant)
    provision(tenant)
    with tenant_context(tenant):
        assert not Shelf.objects.exists()
