"""Isolation between tenants.

This package is the only place that knows how tenants are kept apart. Product code imports the
names below and the public modules `models`, `fields`, `managers`, `integrations` and `testing`;
all other modules are internal, and the import contract in pyproject.toml keeps them so.
"""

from apps.isolation.context import ActiveTenant, current_tenant, require_tenant, tenant_context
from apps.isolation.exceptions import (
    NoTenantError,
    SharedJoinError,
    TenantUnavailableError,
    WrongTenantError,
)

__all__ = [
    "ActiveTenant",
    "NoTenantError",
    "SharedJoinError",
    "TenantUnavailableError",
    "WrongTenantError",
    "current_tenant",
    "require_tenant",
    "tenant_context",
]
