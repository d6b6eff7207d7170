"""Custom managers and querysets are bound to the active tenant."""

from typing import Any

import pytest
from django.db import models

from apps.isolation import NoTenantError, WrongTenantError, tenant_context
from apps.isolation.managers import TenantManager, TenantQuerySet
from apps.tenants.models import Tenant
from tests.sample.models import Label


class WordQuerySet(TenantQuerySet[Label]):
    """A queryset with a custom method."""

    def short(self) -> "WordQuerySet":
        """Return the words of less than seven letters."""
        return self.filter(word__regex="^.{1,6}$")


class ShortWords(TenantManager[Label]):
    """A manager that filters rows."""

    def get_queryset(self) -> models.QuerySet[Label]:
        """Return the words of less than seven letters."""
        return super().get_queryset().filter(word__regex="^.{1,6}$")


class Words(TenantManager[Label]):
    """A manager with a custom method."""

    def short(self) -> models.QuerySet[Label]:
        """Return the words of less than seven letters."""
        return self.filter(word__regex="^.{1,6}$")


MANAGERS: dict[str, Any] = {
    "as_manager": WordQuerySet.as_manager,
    "from_queryset": TenantManager.from_queryset(WordQuerySet),
    "methods": Words,
    "get_queryset": ShortWords,
}


@pytest.fixture(params=MANAGERS)
def short(request: pytest.FixtureRequest) -> Any:
    """Return a function that adds a manager to the model and queries short words."""
    manager = MANAGERS[request.param]()
    manager.model, manager.name = Label, "objects"
    ask = manager.all if request.param == "get_queryset" else manager.short
    assert isinstance(manager.get_queryset(), TenantQuerySet)
    return ask


@pytest.fixture
def words(acme: Tenant, globex: Tenant) -> None:
    for tenant in (acme, globex):
        with tenant_context(tenant):
            Label.objects.create(word=tenant.slug)
            Label.objects.create(word=f"much longer {tenant.slug}")


def test_managers_find_the_tenants_rows(
    short: Any, words: None, acme: Tenant, globex: Tenant
) -> None:
    for tenant in (acme, globex):
        with tenant_context(tenant):
            assert [label.word for label in short()] == [tenant.slug]
            assert short().filter(word="x").count() == 0
            assert short().update(word=tenant.slug.upper()) == 1
    with pytest.raises(NoTenantError):
        list(short())


def test_querysets_of_managers_are_bound(
    short: Any, words: None, acme: Tenant, globex: Tenant
) -> None:
    with tenant_context(acme):
        rows = short()
    with tenant_context(globex), pytest.raises(WrongTenantError):
        list(rows)
