"""Plain keys from tenants' tables to shared data, as reusable apps have them.

They lead from one database into another, and Django offers no way to say so. What a key of the
isolation layer does by itself, Django's own keys do by what `install` puts into their place.
"""

from collections.abc import Sequence
from functools import wraps
from typing import Any, Final

from django.db.models import ForeignKey, ManyToManyField, Model, ProtectedError, QuerySet
from django.db.models.deletion import Collector, DatabaseOnDelete

from apps.isolation.app_registry import is_tenant_model
from apps.isolation.fields import refuse_join

COPIED: Final = "contenttypes.contenttype"
"""The shared model of whose rows tenants have copies, so that queries join them."""

_find_related = Collector.related_objects


def install() -> None:
    """Have Django's keys refuse joins to shared data, and the deletion of what they refer to."""
    keys: Any = ForeignKey
    keys.get_extra_restriction = _refuse_shared_join
    collector: Any = Collector
    collector.related_objects = _refuse_shared_deletion


def find_obstacle(field: Any) -> str:
    """Return why a plain relation to shared data does not hold; nothing if it does."""
    if isinstance(field, ManyToManyField):
        return "and Django reads it by joins, which reach no other database"
    if isinstance(field.remote_field.on_delete, DatabaseOnDelete):
        return "and leaves deletions to a constraint, which reaches no other database"
    if field.related_model._meta.label_lower == "auth.permission":
        return "and permissions are looked up by joins, which reach no other database"
    return ""


def leads_out(field: Any) -> bool:
    """Return whether a field is a key from a tenant's table to shared data."""
    target = field.related_model
    return bool(target) and is_tenant_model(field.model) and not is_tenant_model(target)


def _is_copied(model: type[Model]) -> bool:
    return model._meta.label_lower == COPIED  # also of a historical model


@wraps(ForeignKey.get_extra_restriction)
def _refuse_shared_join(
    self: ForeignKey[Any, Any], alias: str | None, related_alias: str | None
) -> None:
    """Raise `SharedJoinError` unless tenants have what is joined."""
    if leads_out(self) and not _is_copied(self.related_model):
        refuse_join(self)


@wraps(_find_related)
def _refuse_shared_deletion(
    self: Collector, related_model: type[Model], related_fields: Sequence[Any], objs: Any
) -> QuerySet[Any]:
    """Raise ProtectedError for shared rows to which tenants' rows, in other databases, may refer.

    A type of content may go: nothing finds what is about it any more.
    """
    field = related_fields[0]
    if not leads_out(field):
        return _find_related(self, related_model, related_fields, objs)
    if _is_copied(field.related_model):
        return related_model._base_manager.using(self.using).none()
    message = (
        f"{field} may refer to it in the database of any tenant: set the key to null there, or "
        "delete the rows (erase_user_data does so for a user), and delete with SQL."
    )
    raise ProtectedError(message, set(objs))
