"""Tells tenant models from shared models, and names the connections to both."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Final

from django.apps import AppConfig, apps
from django.conf import settings
from django.db.models.signals import post_migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.apps.registry import Apps
    from django.db.models import Model

SHARED_DB: Final[str] = settings.SHARED_DB
"""Alias of the shared data: users, tenants, memberships. For ``atomic(using=SHARED_DB)``."""

OWNER: Final = "owner"
"""Alias of the direct connection of the role that owns the tables: DDL and provisioning only."""

_models: ContextVar[Apps | None] = ContextVar("models", default=None)
_owner_alias: ContextVar[str | None] = ContextVar("owner_alias", default=None)
_is_after_migrating: ContextVar[bool] = ContextVar("is_after_migrating", default=False)


@cache
def tenant_app_labels() -> frozenset[str]:
    """Return the labels of the apps whose tables belong to a tenant (``TENANT_APPS``)."""
    return frozenset(AppConfig.create(entry).label for entry in settings.TENANT_APPS)


def is_tenant_model(model: type[Model]) -> bool:
    """Return whether a model's rows belong to a tenant.

    The app decides, not the base class, since historical models in migrations do not inherit it.
    """
    return model._meta.app_label in tenant_app_labels()


def tenant_models_with_tables() -> list[type[Model]]:
    """Return the models of tenants' rows for which Django makes a table."""
    return [
        model
        for model in apps.get_models(include_auto_created=True)
        if is_tenant_model(model) and model._meta.managed and not model._meta.proxy
    ]


@contextmanager
def models_of(registry: Apps | None) -> Iterator[None]:
    """Make `tables` use another registry of models within the block, unless it is None."""
    token = _models.set(registry)
    try:
        yield
    finally:
        _models.reset(token)


def tables(*, of_tenants: bool) -> list[str]:
    """Return the names of the tables of tenants, or of the shared data."""
    models = (_models.get() or apps).get_models(include_auto_created=True)
    return [
        model._meta.db_table
        for model in models
        if not model._meta.proxy and is_tenant_model(model) == of_tenants
    ]


@contextmanager
def as_owner(alias: str = OWNER) -> Iterator[None]:
    """Route the ORM to the owner's connection within the block; for data migrations."""
    previous = _owner_alias.get()
    _owner_alias.set(alias)
    try:
        yield
    finally:
        _owner_alias.set(previous)


def close_tenant_apps(**kwargs: object) -> None:
    """Make the router keep all other receivers of ``post_migrate`` out of tenant apps.

    Such receivers create default rows, such as a first site, and no tenant is active then.
    `_open_tenant_apps` runs last, because it is connected after all apps are ready.
    """
    post_migrate.connect(_open_tenant_apps)
    _is_after_migrating.set(True)


def _open_tenant_apps(**kwargs: object) -> None:
    _is_after_migrating.set(False)


def is_closed(app_label: str) -> bool:
    """Return whether an app is a tenant app while receivers of ``post_migrate`` run."""
    return _is_after_migrating.get() and app_label in tenant_app_labels()


def owner_alias() -> str | None:
    """Return the alias that the current migration uses, or None outside of migrations."""
    return _owner_alias.get()
