"""Where the ORM sends a query."""

from typing import Any

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Model

from apps.isolation.belonging import may_relate, require_own_hints
from apps.isolation.connections import has_open_block_elsewhere
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
        tenant = require_tenant()
        require_own_hints(hints)
        return database_name(tenant.id)

    def db_for_write(self, model: type[Model], **hints: Any) -> str:
        """Return the alias for ``model``; raise `WallViolation` in a transaction of another's.

        A row that is written here would stay when that transaction is rolled back.
        """
        alias = self.db_for_read(model, **hints)
        if is_tenant_model(model) and has_open_block_elsewhere(alias):
            message = (
                "transaction.atomic() was entered before the tenant, so it is a transaction of "
                "another database: enter the tenant first, or name the database with using=."
            )
            raise WallViolation(message)
        return alias

    def allow_relation(self, obj1: Model, obj2: Model, **hints: Any) -> bool:
        """Refuse to relate rows of two tenants; the catalogue may be referred to."""
        return may_relate(obj1, obj2)

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        """Tell which tables a database has."""
        return (app_label in tenant_app_labels()) != (db in ALIASES_OF_CATALOGUE)
