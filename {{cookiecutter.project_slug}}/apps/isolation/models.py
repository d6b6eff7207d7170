"""Public base classes and helpers for models.

Django collects the package's own models from here, too.
"""

from apps.isolation.strategy.models import (
    DomainBase,
    TenantBase,
    TenantModel,
    tenant_index,
    tenant_unique,
)

__all__ = ["DomainBase", "TenantBase", "TenantModel", "tenant_index", "tenant_unique"]
