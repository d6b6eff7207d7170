"""Routing of the ORM's queries."""

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Model

from apps.isolation.app_registry import (
    is_closed,
    is_tenant_model,
    owner_alias,
    tenant_app_labels,
)
from apps.isolation.context import current_tenant, require_tenant
from apps.isolation.ownership import may_relate, require_own_hints


class TenantRouter:
    """Routes all models to one database; raises for tenant models without a tenant."""

    def db_for_read(self, model: type[Model], **hints: object) -> str:
        """Return the alias for ``model``; raise `NoTenantError` if it needs a tenant."""
        if alias := owner_alias():
            return alias
        if is_tenant_model(model):
            require_tenant()
            require_own_hints(hints)
        return DEFAULT_DB_ALIAS

    db_for_write = db_for_read

    def allow_relation(self, obj1: Model, obj2: Model, **hints: object) -> bool:
        """Return whether two objects may be related: not if they belong to two tenants."""
        return may_relate(obj1, obj2)

    def allow_migrate(self, db: str, app_label: str, **hints: object) -> bool | None:
        """Return whether ``dumpdata`` and ``loaddata`` may use an app's rows on a connection.

        For the owner's connection, which ``migrate`` uses, it leaves the decision to other routers.
        """
        if is_closed(app_label):
            return False
        if db != DEFAULT_DB_ALIAS:
            return None
        return app_label not in tenant_app_labels() or current_tenant() is not None
