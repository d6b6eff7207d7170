"""Objects and querysets remember the tenant that they were made in, and are used in no other.

The rows behind them are safe without this: another tenant's connection does not find them. But
an object that was read in one tenant and saved in another would be written there anew.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import Any

from django.db import models
from django.db.models.query import RawQuerySet

from apps.isolation.context import ActiveTenant, current_tenant, require_tenant
from apps.isolation.errors import WallViolation

_OF_ANOTHER = "%s belongs to another tenant than the active one."


class Belonging(models.Model):
    """An object that belongs to the tenant that was active when it was made or read.

    One that was made while none was active belongs to whichever it is first saved in.
    """

    _belongs_to: ActiveTenant | None

    class Meta:
        abstract = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # First, since setting a relation asks for it.
        self._belongs_to = current_tenant()
        super().__init__(*args, **kwargs)

    def save_base(self, *args: Any, **kwargs: Any) -> None:
        """Save the object; raise `WallViolation` if it belongs to another tenant."""
        require_own(self)
        self._belongs_to = require_tenant()
        super().save_base(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Delete the object; raise `WallViolation` if it belongs to another tenant."""
        require_own(self)
        return super().delete(*args, **kwargs)

    def refresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        """Read the object again; raise `WallViolation` if it belongs to another tenant."""
        require_own(self)
        super().refresh_from_db(*args, **kwargs)


class OfOneTenant:
    """A queryset that is sent in the tenant it was made in, and shows its rows in no other."""

    _hints: dict[str, Any]
    _fetch_mode: Any
    _prefetch_related_lookups: Any
    _rows: list[Any] | None
    _read_in: ActiveTenant | None

    @property
    def db(self) -> str:
        """Return the alias; one that ``using()`` named is no way past the router either."""
        require_own_hints(self._hints)
        alias: str = super().db  # type: ignore[misc]
        return alias

    @property
    def _result_cache(self) -> list[Any] | None:
        """The rows that were read, as Django calls them. One queryset may serve many tenants."""
        if self._rows is not None:
            require_active(self._read_in, "What this queryset has read")
        return self._rows

    @_result_cache.setter
    def _result_cache(self, rows: list[Any] | None) -> None:
        self._rows, self._read_in = rows, current_tenant()


class TenantRawQuerySet(OfOneTenant, RawQuerySet[Any]):
    """The rows of a query in SQL."""


class TenantQuerySet[M: models.Model](OfOneTenant, models.QuerySet[M]):
    """Writes objects of its own tenant only, and is read to the end in the one it was begun in."""

    def raw(
        self, raw_query: Any, params: Any = (), translations: Any = None, using: str | None = None
    ) -> RawQuerySet[Any]:
        """Return the rows of a query in SQL, made for the active tenant as all querysets are."""
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

    def resolve_expression(self, *args: Any, **kwargs: Any) -> Any:
        """Become part of another query; raise `WallViolation` in another tenant."""
        require_own_hints(self._hints)
        return super().resolve_expression(*args, **kwargs)

    def bulk_create(self, objs: Iterable[M], *args: Any, **kwargs: Any) -> list[M]:
        """Insert the objects; raise `WallViolation` if one belongs to another tenant."""
        return super().bulk_create(_all_own(objs), *args, **kwargs)

    def bulk_update(self, objs: Iterable[M], *args: Any, **kwargs: Any) -> int:
        """Update the objects; raise `WallViolation` if one belongs to another tenant."""
        return super().bulk_update(_all_own(objs), *args, **kwargs)

    def iterator(self, *args: Any, **kwargs: Any) -> Iterator[M]:
        """Go through the rows; raise `WallViolation` once another tenant is active."""
        begun_in = current_tenant()
        for row in super().iterator(*args, **kwargs):
            require_active(begun_in, "This iterator")
            yield row

    async def aiterator(self, *args: Any, **kwargs: Any) -> AsyncIterator[M]:
        """Go through the rows; raise `WallViolation` once another tenant is active."""
        begun_in = current_tenant()
        async for row in super().aiterator(*args, **kwargs):
            require_active(begun_in, "This iterator")
            yield row


class TenantManager[M: models.Model](models.Manager[M]):
    """Makes querysets that remember for which tenant they were made.

    One that was made while none was active, as an attribute of a view is, serves every tenant.
    """

    def get_queryset(self) -> models.QuerySet[M]:
        """Return a queryset whose hints tell the router the tenant."""
        hints = {**self._hints, "tenant": current_tenant()}  # type: ignore[attr-defined]
        return TenantQuerySet(self.model, using=self._db, hints=hints)


def _all_own[M: models.Model](instances: Iterable[M]) -> list[M]:
    instances = list(instances)
    for instance in instances:
        require_own(instance)
        vars(instance)["_belongs_to"] = require_tenant()
    return instances


def require_own(instance: models.Model) -> None:
    """Raise `WallViolation` for an object of another tenant than the active one."""
    if isinstance(instance, Belonging) and _is_of_another(instance._belongs_to):  # noqa: SLF001
        raise WallViolation(_OF_ANOTHER % f"{instance._meta.label} {instance.pk}")


def require_own_hints(hints: Mapping[str, Any]) -> None:
    """Raise `WallViolation` if what a router is told of a query speaks of another tenant."""
    require_active(hints.get("tenant"), "This queryset")
    if "instance" in hints:
        require_own(hints["instance"])


def may_relate(one: models.Model, other: models.Model) -> bool:
    """Tell whether two objects belong to the same tenant, or one of them to the catalogue."""
    owners = {
        instance._belongs_to  # noqa: SLF001
        for instance in (one, other)
        if isinstance(instance, Belonging)
    }
    return len(owners - {None}) <= 1


def require_active(tenant: ActiveTenant | None, what: str) -> None:
    """Raise `WallViolation` if something is a tenant's, and not the active one's."""
    if _is_of_another(tenant):
        raise WallViolation(_OF_ANOTHER % what)


def _is_of_another(tenant: ActiveTenant | None) -> bool:
    return tenant is not None and tenant != require_tenant()
