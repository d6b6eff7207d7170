"""Plain keys from tenants' tables to shared data, as reusable apps have them, and subqueries.

These keys refer from one database to another, and Django has no option for this. `install` replaces
methods of Django, so that its own keys behave like those of `apps.isolation.fields`.
"""

from functools import wraps
from typing import Any

from django.apps import apps
from django.db.models import ForeignKey, ManyToManyField, Model
from django.db.models.sql import Query

from apps.isolation.app_registry import SHARED_DB, is_tenant_model
from apps.isolation.exceptions import SharedJoinError
from apps.isolation.fields import refuse_join
from apps.isolation.strategy import unconstrained_keys
from apps.isolation.strategy.unconstrained_keys import CONTENT_TYPES, leads_out

_write_subquery = Query.as_sql


def install() -> None:
    """Make Django refuse joins and subqueries across databases, and deletions that need them."""
    keys: Any = ForeignKey
    keys.get_extra_restriction = _refuse_shared_join
    unconstrained_keys.install()
    query: Any = Query
    query.as_sql = _refuse_subquery_elsewhere
    apps.lazy_model_operation(_find_generic_targets, tuple(CONTENT_TYPES.split(".")))


def find_obstacle(field: Any) -> str:
    """Return why a plain relation to shared data cannot work; an empty text if it can."""
    if isinstance(field, ManyToManyField):
        return "and Django reads it by joins, which cannot include another database"
    if field.related_model._meta.label_lower == "auth.permission":
        return "and permissions are looked up by joins, which cannot include another database"
    return unconstrained_keys.find_obstacle(field)


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
    """Return whether tenants' databases have copies of a model's rows, which queries join."""
    return model._meta.label_lower == CONTENT_TYPES  # also of a historical model


@wraps(ForeignKey.get_extra_restriction)
def _refuse_shared_join(
    self: ForeignKey[Any, Any], alias: str | None, related_alias: str | None
) -> None:
    """Raise `SharedJoinError` unless the tenant has a copy of the joined table."""
    if leads_out(self) and not _is_copied(self.related_model):
        refuse_join(self)
