"""Primary keys, and foreign keys from a tenant's tables to shared data."""

import sys
from collections.abc import Sequence
from typing import Any, Never, NoReturn
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models.expressions import Expression

from apps.isolation.context import require_tenant
from apps.isolation.exceptions import SharedJoinError

if sys.version_info >= (3, 14):
    from uuid import uuid7
else:
    from uuid_utils.compat import uuid7

type ModelField = models.Field[Never, object]
"""A field of any model, whatever values it takes and gives."""

type Reference = models.ForeignKey[Never, object]
"""A foreign key of any model."""

_FORCED = ("on_delete", "related_name", "db_constraint")


class CurrentTenant(Expression):
    """The active tenant's id, read when the query runs and not when it is built.

    So a queryset can be an attribute of a class. A query without a tenant raises `NoTenantError`.
    """

    def __init__(self) -> None:
        super().__init__(output_field=models.UUIDField())

    def as_sql(self, compiler: object, connection: object) -> tuple[str, Any]:
        """Return the id as a parameter."""
        return "%s", (require_tenant().id,)


# The rows that default form fields, serializer fields and filters accept.
_MEMBERS = models.Q(memberships__tenant=CurrentTenant(), memberships__is_active=True)


def new_id() -> UUID:
    """Return a time-ordered UUID (RFC 9562, version 7).

    New rows are added at the end of an index. An id cannot be guessed from another.
    """
    return uuid7()


class SharedForeignKey(models.ForeignKey[Any, Any]):
    """A foreign key from a tenant model to a shared model.

    The related object is read by a separate query; a query that would join it raises
    `SharedJoinError`. Deletions do not cascade along the key, and the shared model has no reverse
    relation.
    """

    def __init__(self, to: type[models.Model] | str, **kwargs: Any) -> None:
        kwargs |= {
            "on_delete": models.DO_NOTHING,
            "related_name": "+",
            "db_constraint": settings.SHARED_DB_CONSTRAINTS,
        }
        super().__init__(to, **kwargs)

    def deconstruct(self) -> tuple[str, str, Sequence[object], dict[str, object]]:
        """Omit from migrations the options that this class sets itself."""
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {k: v for k, v in kwargs.items() if k not in _FORCED}

    def get_extra_restriction(self, alias: str | None, related_alias: str | None) -> None:
        """Raise `SharedJoinError`. Django calls this only for joins that reach the SQL."""
        refuse_join(self)


def refuse_join(field: models.Field[Any, Any]) -> NoReturn:
    """Raise `SharedJoinError` for a query that would join across a key to shared data."""
    message = (
        f"{field.model.__name__}.{field.name} refers to shared data, which cannot be joined: "
        "filter by its id, or read the related objects in a query of their own "
        "(prefetch_related does)."
    )
    raise SharedJoinError(message)


class UserForeignKey(SharedForeignKey):
    """A foreign key from a tenant model to a user.

    Forms, serializers and filters of the model offer and accept active members of the tenant only.

    When the user is erased from the tenant, the key becomes null and the row stays. With
    ``personal=True`` the row is the user's personal data, and is deleted with its files.
    """

    def __init__(self, *, personal: bool = False, **kwargs: object) -> None:
        self.personal = personal
        kwargs.pop("to", None)
        kwargs["limit_choices_to"] = _MEMBERS
        super().__init__(settings.AUTH_USER_MODEL, **kwargs)

    def deconstruct(self) -> tuple[str, str, Sequence[object], dict[str, object]]:
        """Omit from migrations the choices that the field offers."""
        name, path, args, kwargs = super().deconstruct()
        kwargs.pop("limit_choices_to", None)
        return name, path, args, kwargs


def is_personal(field: Reference) -> bool:
    """Return whether rows are personal data of the user in ``field`` and are deleted with the user.

    A plain key declares this by ``on_delete=CASCADE``.
    """
    if isinstance(field, UserForeignKey):
        return field.personal
    return field.remote_field.on_delete is models.CASCADE
