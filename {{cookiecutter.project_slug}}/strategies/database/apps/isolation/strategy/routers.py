"""Routing of the ORM's queries."""

import re

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Model

from apps.isolation.app_registry import (
    OWNER,
    SHARED_DB,
    is_closed,
    is_tenant_model,
    owner_alias,
    tenant_app_labels,
)
from apps.isolation.context import ActiveTenant, current_tenant, require_tenant
from apps.isolation.exceptions import WrongTenantError
from apps.isolation.ownership import may_relate, require_own_hints
from apps.isolation.strategy.connections import has_open_block_elsewhere
from apps.isolation.strategy.naming import PATTERN, physical_name

SHARED_ALIASES = {DEFAULT_DB_ALIAS, SHARED_DB, OWNER}


class TenantRouter:
    """Routes tenant models to the tenant's database, and all others to the shared one."""

    def db_for_read(self, model: type[Model], **hints: object) -> str:
        """Return the alias for ``model``; raise `NoTenantError` if it needs a tenant."""
        if alias := owner_alias():
            return alias
        if not is_tenant_model(model):
            return SHARED_DB
        tenant = require_tenant()
        require_own_hints(hints)
        return physical_name(tenant.id)

    def db_for_write(self, model: type[Model], **hints: object) -> str:
        """Return the alias for ``model``; raise `WrongTenantError` in a transaction elsewhere.

        A rollback of a transaction in another database would not remove a row that is written here.
        """
        alias = self.db_for_read(model, **hints)
        if is_tenant_model(model) and has_open_block_elsewhere(alias):
            message = (
                "transaction.atomic() was entered before the tenant, so it is a transaction of "
                "another database: enter the tenant first, or name the database with using=."
            )
            raise WrongTenantError(message)
        return alias

    def allow_relation(self, obj1: Model, obj2: Model, **hints: object) -> bool:
        """Return whether two objects may be related: not if they belong to two tenants."""
        return may_relate(obj1, obj2)

    def allow_migrate(self, db: str, app_label: str, **hints: object) -> bool:
        """Return whether a database has an app's tables. The default is the active tenant's."""
        tenant = current_tenant()
        if is_closed(app_label) or _is_of_another(db, tenant):
            return False
        is_shared = db in SHARED_ALIASES
        if db == DEFAULT_DB_ALIAS:
            is_shared = tenant is None
        return (app_label in tenant_app_labels()) != is_shared


def _is_of_another(alias: str, tenant: ActiveTenant | None) -> bool:
    """Return whether an alias is that of a tenant's role, and not of the active one."""
    is_tenants = re.fullmatch(PATTERN, alias) is not None
    return is_tenants and (tenant is None or alias != physical_name(tenant.id))
