"""Pytest fixtures."""

from collections.abc import Callable, Iterator
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from django.apps import apps
from django.test import override_settings
from pytest_django import DjangoDbBlocker
from rest_framework.test import APIClient

from apps.isolation.preflight import close_connections
from apps.isolation.strategy.provisioning import deprovision
from apps.isolation.testing import api_client, make_member, make_tenant, pool

if TYPE_CHECKING:
    from apps.isolation.models import TenantBase


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Allow all databases in every test that uses the database, without naming aliases."""
    for item in items:
        names = set(getattr(item, "fixturenames", ()))
        marker = item.get_closest_marker("django_db")
        if marker is None and not names & {"db", "transactional_db"}:
            continue
        options: dict[str, object] = {"transaction": "transactional_db" in names}
        options |= dict(marker.kwargs) if marker else {}
        options["databases"] = "__all__"
        item.add_marker(pytest.mark.django_db(**options), append=False)


@pytest.fixture(scope="session", autouse=True)
def _media() -> Iterator[None]:
    """Store the tests' files in a temporary folder."""
    with TemporaryDirectory() as folder, override_settings(MEDIA_ROOT=folder):
        yield


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Close all connections before the test database is dropped."""
    yield
    with django_db_blocker.unblock():
        close_connections()


@pytest.fixture(scope="session")
def tenant_storage(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Create storage for the tests' tenants."""
    with django_db_blocker.unblock():
        pool.fill()
    yield
    with django_db_blocker.unblock():
        pool.empty()


@pytest.fixture
def new_tenant(tenant_storage: None, db: None) -> "Iterator[Callable[..., TenantBase]]":
    """Return a function that creates a tenant: ``new_tenant("acme")``."""
    pool.release()
    yield make_tenant
    pool.release()


@pytest.fixture
def acme(new_tenant: "Callable[..., TenantBase]") -> "TenantBase":
    """Return the tenant "acme"."""
    return new_tenant("acme")


@pytest.fixture
def globex(new_tenant: "Callable[..., TenantBase]") -> "TenantBase":
    """Return the tenant "globex"."""
    return new_tenant("globex")


@pytest.fixture
def client_of(db: None) -> Callable[..., APIClient]:
    """Return a function that creates a logged-in client: ``client_of(acme, "member")``."""

    def client_of(tenant: Any, role: str) -> APIClient:
        membership = tenant.memberships.filter(role=role).first() or make_member(tenant, role)
        return api_client(tenant, membership.user.email)

    return client_of


@pytest.fixture
def provisioning(transactional_db: None) -> Iterator[None]:
    """Let a test create tenants without the pool, and destroy their storage afterwards."""
    pool.release()
    yield
    for tenant in apps.get_model("tenants.Tenant")._default_manager.all():
        if not pool.holds(tenant.pk):
            deprovision(tenant)
    pool.release()
