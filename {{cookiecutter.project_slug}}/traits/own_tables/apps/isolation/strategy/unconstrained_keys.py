"""Keys from tenants' tables to shared data. The database has no constraint for them.

A constraint would put two triggers per tenant on the shared table. Each connection would load all
of them, and deleting a shared row would search the tables of every tenant.
"""

from collections.abc import Sequence
from functools import wraps
from typing import Any, Final

from django.db.models import Model, ProtectedError, QuerySet
from django.db.models.deletion import Collector, DatabaseOnDelete

from apps.isolation.app_registry import is_tenant_model

CONTENT_TYPES: Final = "contenttypes.contenttype"

_find_related = Collector.related_objects


def install() -> None:
    """Make Django refuse deletions of shared rows to which rows of any tenant may refer."""
    collector: Any = Collector
    collector.related_objects = _refuse_shared_deletion


def find_obstacle(field: Any) -> str:
    """Return why a plain key to shared data cannot work; an empty text if it can."""
    if isinstance(field.remote_field.on_delete, DatabaseOnDelete):
        return "and leaves deletions to a constraint, which such a key does not have"
    return ""


def leads_out(field: Any) -> bool:
    """Return whether a field is a key from a tenant's table to shared data."""
    target = field.related_model
    return bool(target) and is_tenant_model(field.model) and not is_tenant_model(target)


@wraps(_find_related)
def _refuse_shared_deletion(
    self: Collector, related_model: type[Model], related_fields: Sequence[Any], objs: Any
) -> QuerySet[Any]:
    """Raise ProtectedError for shared rows to which rows of any tenant may refer.

    Content types may be deleted; rows that refer to one remain, and joins no longer find them.
    """
    field = related_fields[0]
    if not leads_out(field):
        return _find_related(self, related_model, related_fields, objs)
    if field.related_model._meta.label_lower == CONTENT_TYPES:
        return related_model._base_manager.using(self.using).none()
    message = (
        f"{field} may refer to it in the tables of any tenant: set the key to null there, or "
        "delete the rows (erase_user_data does so for a user), and delete with SQL."
    )
    raise ProtectedError(message, set(objs))
