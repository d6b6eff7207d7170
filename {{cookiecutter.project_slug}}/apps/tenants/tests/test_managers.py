"""Managers of shared models require a tenant."""

from collections.abc import Callable
from typing import Any

import pytest

from apps.isolation import tenant_context
from apps.isolation.managers import TenantRequired
from apps.tenants.models import Domain, Tenant

QUESTIONS: dict[str, Callable[[Any], Any]] = {
    "all": lambda objects: objects.all(),
    "filter": lambda objects: objects.filter(is_active=True),
    "get": lambda objects: objects.get(pk=1),
    "count": lambda objects: objects.count(),
    "exists": lambda objects: objects.exists(),
    "first": lambda objects: objects.first(),
    "values": lambda objects: objects.values(),
    "update": lambda objects: objects.update(tenant=None),
    "in_bulk": lambda objects: objects.in_bulk(),
    "raw iterator": lambda objects: objects.iterator(),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_query_without_a_tenant_is_refused(question: str) -> None:
    with pytest.raises(TenantRequired, match=r"Domain\.objects starts with for_tenant"):
        QUESTIONS[question](Domain.objects)


def test_none_does_not_mean_all_tenants() -> None:
    with pytest.raises(TenantRequired):
        Domain.objects.for_tenant(None)


def test_platform_manager_returns_all_rows(acme: Tenant, globex: Tenant) -> None:
    assert Domain.platform.count() == 2


def test_for_tenant_filtering(acme: Tenant, globex: Tenant) -> None:
    """``for_tenant`` returns the rows of its argument, not of the active tenant."""
    assert Domain.objects.for_tenant(globex.pk).get().domain == "globex.localhost"
    with tenant_context(acme):
        assert Domain.objects.for_tenant(globex).get().domain == "globex.localhost"


def test_related_managers_of_a_tenant_need_no_for_tenant(acme: Tenant, globex: Tenant) -> None:
    assert list(acme.domains.values_list("domain", flat=True)) == ["acme.localhost"]
