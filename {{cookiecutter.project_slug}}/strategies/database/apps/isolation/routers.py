"""Where the ORM sends a query."""

from typing import Any

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Model

from apps.isolation.belonging import may_relate, require_own_hints
from apps.isolation.context import require_tenant
from apps.isolation.databases import database_name
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
        tenant = require_tenant()
        require_own_hints(hints)
        return database_name(tenant.id)

    db_for_write = db_for_read

    def allow_relation(self, obj1: Model, obj2: Model, **hints: Any) -> bool:
        """Refuse to relate rows of two tenants; the catalogue may be referred to."""
        return may_relate(obj1, obj2)

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        """Tell which tables a database has."""
        return (app_label in tenant_app_labels()) != (db in ALIASES_OF_CATALOGUE)
