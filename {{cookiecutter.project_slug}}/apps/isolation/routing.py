"""Where the ORM sends a query."""

from typing import Any

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Model

from apps.isolation.belonging import may_relate, require_own_hints
from apps.isolation.context import require_tenant
from apps.isolation.placement import is_tenant_model, owner_alias


class TenantRouter:
    """One database for all, but nobody's rows without a tenant."""

    def db_for_read(self, model: type[Model], **hints: Any) -> str:
        """Return the alias for ``model``; raise `NoActiveTenant` if it needs a tenant."""
        if alias := owner_alias():
            return alias
        if is_tenant_model(model):
            require_tenant()
            require_own_hints(hints)
        return DEFAULT_DB_ALIAS

    db_for_write = db_for_read

    def allow_relation(self, obj1: Model, obj2: Model, **hints: Any) -> bool:
        """Tell whether two objects may refer to each other: not if they are of two tenants."""
        return may_relate(obj1, obj2)
