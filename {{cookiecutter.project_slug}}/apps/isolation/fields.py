"""References from a tenant's tables into the catalogue."""

from typing import Any

from django.conf import settings
from django.db import models

from apps.isolation.errors import CatalogueJoin

_FORCED = ("on_delete", "related_name", "db_constraint")


class CatalogueForeignKey(models.ForeignKey[Any, Any]):
    """Points from a tenant model at a row of the catalogue.

    Reading the related object is a query of its own. Nothing cascades along it, the catalogue's
    side has no reverse relation, and a query that would join across it raises `CatalogueJoin`:
    the catalogue is not always in the same place as the tenant's tables.
    """

    def __init__(self, to: Any, **kwargs: Any) -> None:
        kwargs |= {
            "on_delete": models.DO_NOTHING,
            "related_name": "+",
            "db_constraint": settings.CATALOGUE_CONSTRAINTS,
        }
        super().__init__(to, **kwargs)

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        """Leave out of migrations what this class decides by itself."""
        name, path, args, kwargs = super().deconstruct()
        return name, path, list(args), {k: v for k, v in kwargs.items() if k not in _FORCED}

    def get_extra_restriction(self, alias: str | None, related_alias: str | None) -> None:
        """Refuse the join: Django asks this of exactly those joins that reach the SQL."""
        message = (
            f"{self.model.__name__}.{self.name} points into the catalogue, which cannot be joined: "
            "filter by its id, or read the related objects in a query of their own "
            "(prefetch_related does)."
        )
        raise CatalogueJoin(message)


class UserForeignKey(CatalogueForeignKey):
    """Points from a tenant model at a user.

    When the user is erased from the tenant it becomes null and the row stays the tenant's; with
    ``personal=True`` the row is the user's own, and goes with its files.
    """

    def __init__(self, *, personal: bool = False, **kwargs: Any) -> None:
        self.personal = personal
        kwargs.pop("to", None)
        super().__init__(settings.AUTH_USER_MODEL, **kwargs)
