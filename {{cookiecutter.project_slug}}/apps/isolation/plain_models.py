"""Binds plain models of ``TENANT_APPS``, as reusable apps have them, to the active tenant.

Such a model knows nothing of tenants. When its class is created, it gets the base class of
tenant-bound objects, and its managers create tenant-bound querysets. These raise without a tenant
and in another tenant. They do not filter by tenant; router and connection reach the active tenant's
rows only.
"""

from collections.abc import Mapping
from copy import copy
from functools import cache
from typing import Any

from django.db.models import Manager, Model, QuerySet
from django.db.models.sql import Query

from apps.isolation.app_registry import is_tenant_model
from apps.isolation.context import current_tenant
from apps.isolation.managers import TenantQuerySet
from apps.isolation.ownership import TenantBoundModel

HISTORICAL = "__fake__"
"""Django's name for the module of historical models, which belong to no tenant."""


def bind_plain_model(sender: type[Model], **kwargs: object) -> None:
    """Bind a model to the active tenant; receives ``class_prepared``."""
    if sender.__module__ == HISTORICAL or not is_tenant_model(sender):
        return
    if not issubclass(sender, TenantBoundModel):
        sender.__bases__ = (TenantBoundModel, *sender.__bases__)
    managers = sender._meta.managers
    if all(issubclass(_rows_of(type(manager)), TenantQuerySet) for manager in managers):
        return
    # Add all again in the same order, since the first one is the default manager.
    sender._meta.local_managers.clear()
    for manager in managers:
        _add_bound(sender, manager)


def _add_bound(model: type[Model], manager: Manager[Model]) -> None:
    kind: Any = type(manager)
    bound = _as(_bound_manager(kind), manager)
    bound._set_creation_counter()  # noqa: SLF001 - what orders managers
    bound.contribute_to_class(model, manager.name)


def _as(kind: type[Manager[Model]], manager: Manager[Model]) -> Any:
    """Return a copy of a manager with another class."""
    other = copy(manager)
    other.__class__ = kind
    return other


def _rows_of(manager: Any) -> type[QuerySet[Model]]:
    rows: type[QuerySet[Model]] = manager._queryset_class  # noqa: SLF001 - set by from_queryset()
    return rows


@cache
def _bound_manager(manager: type[Manager[Model]]) -> Any:
    """Return a subclass with the name and module of its base, so that migrations write the base."""
    if issubclass(_rows_of(manager), TenantQuerySet):
        return manager

    def is_equal(self: Manager[Model], other: object) -> bool:
        return bool(manager.__eq__(_as(manager, self), other))

    body = {
        "__module__": manager.__module__,
        "__qualname__": manager.__qualname__,
        "__eq__": is_equal,
        "__hash__": manager.__hash__,
        "_queryset_class": _bound_queryset(_rows_of(manager)),
    }
    return type(manager.__name__, (manager,), body)


@cache
def _bound_queryset(queryset: type[QuerySet[Model]]) -> type:
    names = {"__module__": queryset.__module__, "__qualname__": queryset.__qualname__}
    return type(queryset.__name__, (_PlainRows, queryset), names)


class _PlainRows(TenantQuerySet[TenantBoundModel]):
    """Binds itself to the active tenant, since its manager does not."""

    def __init__(
        self,
        model: type[Model] | None = None,
        query: Query | None = None,
        using: str | None = None,
        hints: Mapping[str, Any] | None = None,
    ) -> None:
        hints = {"tenant": current_tenant(), **(hints or {})}
        super().__init__(model=model, query=query, using=using, hints=hints)
