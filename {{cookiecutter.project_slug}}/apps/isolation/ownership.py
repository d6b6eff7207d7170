"""Tenant-bound objects and querysets: created in one tenant, and unusable in any other.

The database protects rows without this. But an object that was read in one tenant and saved in
another would be inserted there as a new row.
"""

from collections.abc import Mapping
from typing import Any

from django.db import models
from django.db.models.fetch_modes import FetchMode
from django.db.models.query import RawQuerySet
from django.db.models.sql import Query

from apps.isolation.context import ActiveTenant, current_tenant, require_active, require_tenant


class TenantBoundModel(models.Model):
    """Base of objects that belong to the tenant in which they were created or read.

    An object that was created without a tenant belongs to the tenant in which it is first saved.
    """

    _bound_tenant: ActiveTenant | None

    class Meta:
        abstract = True

    def __init__(self, *args: object, **kwargs: object) -> None:
        # First, since setting a relation reads it.
        self._bound_tenant = current_tenant()
        super().__init__(*args, **kwargs)

    @classmethod
    def starting_query(cls) -> Query | None:
        """Return the query that all querysets of the model start from, or None for an empty one."""
        return None

    def save_base(self, *args: Any, **kwargs: Any) -> None:
        """Save the object; raise `WrongTenantError` if it belongs to another tenant."""
        tenant = require_tenant()
        if self._bound_tenant != tenant:
            require_own(self)
            self._bound_tenant = tenant
        super().save_base(*args, **kwargs)

    def delete(
        self, using: str | None = None, keep_parents: bool = False
    ) -> tuple[int, dict[str, int]]:
        """Delete the object; raise `WrongTenantError` if it belongs to another tenant."""
        require_own(self)
        return super().delete(using, keep_parents)

    def refresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        """Read the object again; raise `WrongTenantError` if it belongs to another tenant."""
        require_own(self)
        super().refresh_from_db(*args, **kwargs)


class TenantBoundQuerySetMixin[R]:
    """Makes a queryset run, and return rows, only in the tenant in which it was created."""

    _hints: dict[str, object]
    _fetch_mode: FetchMode
    _prefetch_related_lookups: tuple[object, ...]
    _rows: list[R] | None
    _read_in: ActiveTenant | None

    @property
    def db(self) -> str:
        """Return the alias, after checking the tenant even if ``using()`` has set the alias."""
        require_own_hints(self._hints)
        alias: str = super().db  # type: ignore[misc]
        return alias

    @property
    def _result_cache(self) -> list[R] | None:
        """The rows that were read; Django's name. They are available in their own tenant only."""
        if self._rows is not None:
            require_active(self._read_in, "What this queryset has read")
        return self._rows

    @_result_cache.setter
    def _result_cache(self, rows: list[R] | None) -> None:
        self._rows, self._read_in = rows, current_tenant()


class TenantRawQuerySet[M: models.Model](TenantBoundQuerySetMixin[M], RawQuerySet[M]):
    """The rows of a raw SQL query."""


def bind(instance: models.Model) -> None:
    """Bind an object to the active tenant; raise `WrongTenantError` if it belongs to another."""
    require_own(instance)
    vars(instance)["_bound_tenant"] = require_tenant()


def require_own(instance: models.Model) -> None:
    """Raise `WrongTenantError` for an object of another tenant than the active one."""
    if isinstance(instance, TenantBoundModel):
        require_active(instance._bound_tenant, f"{instance._meta.label} {instance.pk}")  # noqa: SLF001


def require_own_hints(hints: Mapping[str, Any]) -> None:
    """Raise `WrongTenantError` if a router's hints name another tenant than the active one."""
    require_active(hints.get("tenant"), "This queryset")
    if "instance" in hints:
        require_own(hints["instance"])


def may_relate(one: models.Model, other: models.Model) -> bool:
    """Return whether two objects belong to the same tenant, or one of them is shared data."""
    owners = {
        instance._bound_tenant  # noqa: SLF001
        for instance in (one, other)
        if isinstance(instance, TenantBoundModel)
    }
    return len(owners - {None}) <= 1
