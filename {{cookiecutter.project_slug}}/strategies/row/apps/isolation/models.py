"""Public base classes and helpers for models."""

from apps.isolation.strategy.models import (
    DomainBase,
    TenantBase,
    TenantModel,
    tenant_index,
    tenant_unique,
)

__all__ = ["DomainBase", "TenantBase", "TenantModel", "tenant_index", "tenant_unique"]
