"""Public base classes and helpers for models, and the model of the ledger."""

from apps.isolation.ledger import MigrationRun
from apps.isolation.strategy.models import (
    DomainBase,
    TenantBase,
    TenantModel,
    tenant_index,
    tenant_unique,
)

__all__ = [
    "DomainBase",
    "MigrationRun",
    "TenantBase",
    "TenantModel",
    "tenant_index",
    "tenant_unique",
]
