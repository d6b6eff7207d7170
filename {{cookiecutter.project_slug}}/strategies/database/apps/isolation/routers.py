"""Where the ORM sends a query."""

from typing import Any

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Model

from apps.isolation.context import require_tenant
from apps.isolation.databases import database_name
from apps.isolation.errors import WallViolation
from apps.isolation.placement import (
    CATALOGUE,
    OWNER,
    is_tenant_model,
    owner_alias,
    tenant_app_labels,
)

ALIASES_OF_CATALOGUE = {DEFAULT_DB_ALIAS, CATALOGUE, OWNER}


class TenantRouter:
    """A tenant's rows are in the tenant's database, all others in the catalogue."""

    def db_for_read(self, model: type[Model], **hints: Any) -> str:
        """Return the alias for ``model``; raise `NoActiveTenant` if it needs a tenant."""
        if alias := owner_alias():
            return alias
        if not is_tenant_model(model):
            return CATALOGUE
        alias = database_name(require_tenant().id)
        _require_same_database(hints.get("instance"), alias)
        return alias

    db_for_write = db_for_read

    def allow_relation(self, obj1: Model, obj2: Model, **hints: Any) -> bool:
        """Refuse to relate rows of two tenants; the catalogue may be referred to."""
        if is_tenant_model(type(obj1)) and is_tenant_model(type(obj2)):
            return obj1._state.db == obj2._state.db
        return True

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        """Tell which tables a database has."""
        return (app_label in tenant_app_labels()) != (db in ALIASES_OF_CATALOGUE)


def _require_same_database(instance: Model | None, alias: str) -> None:
    """Raise `WallViolation` for an object that was read in one tenant and is used in another."""
    if instance is None or not is_tenant_model(type(instance)):
        return
    if instance._state.db not in {None, alias}:
        message = f"{instance!r} belongs to another tenant than the active one."
        raise WallViolation(message)
