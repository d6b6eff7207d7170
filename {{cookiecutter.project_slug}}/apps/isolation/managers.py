"""Public managers and querysets of tenant models, and of shared models that have a tenant."""

from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any, NoReturn
from uuid import UUID

from django.db.models import Manager, Model, QuerySet
from django.db.models.query import RawQuerySet
from django.db.models.sql import Query
from django.utils.functional import cached_property

from apps.isolation.context import Identified, current_tenant, require_active
from apps.isolation.fields import ModelField
from apps.isolation.ownership import (
    TenantBoundModel,
    TenantBoundQuerySetMixin,
    TenantRawQuerySet,
    bind,
    require_own_hints,
)


class TenantQuerySet[M: TenantBoundModel](TenantBoundQuerySetMixin[M], QuerySet[M]):
    """A queryset that is read in one tenant only, and writes only that tenant's objects.

    Derive your own querysets from it.
    """

    @classmethod
    def as_manager(cls) -> "TenantManager[M]":
        """Return a tenant-bound manager with this queryset's methods."""
        manager = TenantManager.from_queryset(cls)()
        # As in Django: migrations cannot import a class that was created here.
        manager._built_with_asmanager = True  # type: ignore[attr-defined] # noqa: SLF001
        return manager

    def raw(
        self, raw_query: Any, params: Any = (), translations: Any = None, using: str | None = None
    ) -> RawQuerySet[M]:
        """Return the rows of a raw SQL query, bound to the active tenant."""
        hints: dict[str, Any] = {**self._hints, "tenant": current_tenant()}
        rows = TenantRawQuerySet(
            raw_query,
            model=self.model,
            params=params,
            translations=translations,
            using=using or self.db,
            hints=hints,
            fetch_mode=self._fetch_mode,
        )
        rows._prefetch_related_lookups = self._prefetch_related_lookups  # noqa: SLF001 - as Django
        return rows

    def resolve_expression(self, *args: object, **kwargs: object) -> object:
        """Become part of another query; raise `WrongTenantError` in another tenant."""
        require_own_hints(self._hints)
        return super().resolve_expression(*args, **kwargs)

    def bulk_create(self, objs: Iterable[M], *args: Any, **kwargs: Any) -> list[M]:
        """Insert the objects; raise `WrongTenantError` if one belongs to another tenant."""
        return super().bulk_create(_bound(objs), *args, **kwargs)

    def bulk_update(
        self, objs: Iterable[M], fields: Iterable[str], batch_size: int | None = None
    ) -> int:
        """Update the objects; raise `WrongTenantError` if one belongs to another tenant."""
        return super().bulk_update(_bound(objs), fields, batch_size)

    def iterator(self, *args: int | None, **kwargs: int | None) -> Iterator[M]:
        """Iterate over the rows; raise `WrongTenantError` once another tenant is active."""
        begun_in = current_tenant()
        for row in super().iterator(*args, **kwargs):
            require_active(begun_in, "This iterator")
            yield row

    async def aiterator(self, *args: int, **kwargs: int) -> AsyncIterator[M]:
        """Iterate over the rows; raise `WrongTenantError` once another tenant is active."""
        begun_in = current_tenant()
        async for row in super().aiterator(*args, **kwargs):
            require_active(begun_in, "This iterator")
            yield row


class TenantManager[M: TenantBoundModel](Manager[M]):
    """Creates querysets that are bound to the active tenant. Derive your own managers from it.

    A queryset that was created without a tenant, such as an attribute of a view, can be used in
    every tenant.
    """

    _queryset_class: type[TenantQuerySet[M]] = TenantQuerySet  # Django's name, for from_queryset()

    def get_queryset(self) -> QuerySet[M]:
        """Return a queryset with the tenant in its hints, for the router."""
        hints = {**self._hints, "tenant": current_tenant()}  # type: ignore[attr-defined]
        rows = self._queryset_class(self.model, using=self._db, hints=hints)
        if self._query is not None:
            rows.query = self._query.chain()
        return rows

    @cached_property
    def _query(self) -> Query | None:
        """Return the model's starting query, cached because a request needs several querysets."""
        return self.model.starting_query()


class TenantRequired(TypeError):
    """Rows of a shared model were queried without naming their tenant."""


class PerTenantManager[M: Model](Manager[M]):
    """A manager of a shared model whose queries must name a tenant.

    Shared tables hold rows of all tenants, so ``all()`` without a filter raises an error. Platform
    code that needs the rows of all tenants uses the model's manager ``platform``.
    """

    def for_tenant(self, tenant: Identified | UUID | None) -> QuerySet[M]:
        """Return the rows of ``tenant``; raise `TenantRequired` for None."""
        if tenant is None:
            raise TenantRequired(self._advice())
        tenant_id = tenant if isinstance(tenant, UUID) else tenant.id
        return super().get_queryset().filter(tenant_id=tenant_id)

    def get_queryset(self) -> NoReturn:
        """Raise `TenantRequired`, since the queryset would hold rows of all tenants."""
        raise TenantRequired(self._advice())

    def _advice(self) -> str:
        return f"{self.model.__name__}.objects starts with for_tenant(tenant)."


class PlatformManager[M: Model](Manager[M]):
    """A manager of a shared model's rows of all tenants; for platform code.

    Related managers derive from it, and all code may use those: ``user.memberships`` requires
    ``for_tenant(tenant)``, while ``tenant.memberships`` has its tenant already.
    """

    field: ModelField  # set on related managers only

    def for_tenant(self, tenant: Identified | UUID | None) -> QuerySet[M]:
        """Return the rows of ``tenant``; those of the related object on a related manager."""
        if tenant is None:
            raise TenantRequired(self._advice())
        rows = super().get_queryset()
        if hasattr(self, "field"):
            rows = self._apply_rel_filters(rows)  # type: ignore[attr-defined] # a related manager
        return rows.filter(tenant_id=tenant if isinstance(tenant, UUID) else tenant.id)

    def get_queryset(self) -> QuerySet[M]:
        """Return the rows of all tenants; raise `TenantRequired` on most related managers."""
        self._require_tenant()
        return super().get_queryset()

    def _require_tenant(self) -> None:
        if hasattr(self, "field") and self.field.name != "tenant":
            raise TenantRequired(self._advice())

    def _advice(self) -> str:
        return f"{self.model.__name__} rows of an object need for_tenant(tenant)."


def _bound[M: Model](instances: Iterable[M]) -> list[M]:
    instances = list(instances)
    for instance in instances:
        bind(instance)
    return instances
