"""Plain keys from tenants' tables to shared data, as reusable apps have them, and subqueries.

These keys refer from one database to another, and Django has no option for this. `install` replaces
methods of Django, so that its own keys behave like those of `apps.isolation.fields`.
"""

from collections.abc import Sequence
from functools import wraps
from typing import Any, Final

from django.apps import apps
from django.db.models import ForeignKey, ManyToManyField, Model, ProtectedError, QuerySet
from django.db.models.deletion import Collector, DatabaseOnDelete
from django.db.models.sql import Query

from apps.isolation.app_registry import SHARED_DB, is_tenant_model
from apps.isolation.exceptions import SharedJoinError
from apps.isolation.fields import refuse_join

COPIED: Final = "contenttypes.contenttype"
"""The shared model whose rows are copied into tenants' databases, so that queries can join them."""

_find_related = Collector.related_objects
_write_subquery = Query.as_sql


def install() -> None:
    """Make Django refuse joins and subqueries across databases, and deletions that need them."""
    keys: Any = ForeignKey
    keys.get_extra_restriction = _refuse_shared_join
    collector: Any = Collector
    collector.related_objects = _refuse_shared_deletion
    query: Any = Query
    query.as_sql = _refuse_subquery_elsewhere
    apps.lazy_model_operation(_find_generic_targets, tuple(COPIED.split(".")))


def find_obstacle(field: Any) -> str:
    """Return why a plain relation to shared data cannot work; an empty text if it can."""
    if isinstance(field, ManyToManyField):
        return "and Django reads it by joins, which cannot include another database"
    if isinstance(field.remote_field.on_delete, DatabaseOnDelete):
        return "and leaves deletions to a constraint, which cannot include another database"
    if field.related_model._meta.label_lower == "auth.permission":
        return "and permissions are looked up by joins, which cannot include another database"
    return ""


def leads_out(field: Any) -> bool:
    """Return whether a field is a key from a tenant's table to shared data."""
    target = field.related_model
    return bool(target) and is_tenant_model(field.model) and not is_tenant_model(target)


def _find_generic_targets(content_type: Any) -> None:
    """Let generic keys find shared rows, which are in another database than the key."""
    find = content_type.get_object_for_this_type

    @wraps(find)
    def find_where_it_is(self: Any, using: str | None = None, **kwargs: object) -> Model:
        model = self.model_class()
        is_shared = model and not (is_tenant_model(model) or _is_copied(model))
        found: Model = find(self, SHARED_DB if is_shared else using, **kwargs)
        return found

    content_type.get_object_for_this_type = find_where_it_is


@wraps(_write_subquery)
def _refuse_subquery_elsewhere(self: Query, compiler: Any, connection: Any) -> Any:
    """Raise `SharedJoinError` for a subquery over rows that are in another database."""
    outer = compiler.query.model
    if outer and self.model and _are_apart(outer, self.model):
        message = (
            f"A subquery over {self.model.__name__} would run in another database, since one of "
            "the two queries reads shared data: read its rows or ids first, "
            "list(queryset.values_list('pk', flat=True)), and filter by the list."
        )
        raise SharedJoinError(message)
    return _write_subquery(self, compiler, connection)


def _are_apart(one: type[Model], other: type[Model]) -> bool:
    """Return whether no database has the rows of both models."""
    are_copied = _is_copied(one) or _is_copied(other)
    return is_tenant_model(one) != is_tenant_model(other) and not are_copied


def _is_copied(model: type[Model]) -> bool:
    return model._meta.label_lower == COPIED  # also of a historical model


@wraps(ForeignKey.get_extra_restriction)
def _refuse_shared_join(
    self: ForeignKey[Any, Any], alias: str | None, related_alias: str | None
) -> None:
    """Raise `SharedJoinError` unless the tenant has a copy of the joined table."""
    if leads_out(self) and not _is_copied(self.related_model):
        refuse_join(self)


@wraps(_find_related)
def _refuse_shared_deletion(
    self: Collector, related_model: type[Model], related_fields: Sequence[Any], objs: Any
) -> QuerySet[Any]:
    """Raise ProtectedError for shared rows to which tenants' rows, in other databases, may refer.

    Content types may be deleted; rows that refer to one remain, and joins no longer find them.
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
