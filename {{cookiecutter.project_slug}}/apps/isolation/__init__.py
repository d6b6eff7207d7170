"""Isolation between tenants.

Only this package depends on the isolation strategy. Product code imports the names below and the
public modules `models`, `fields`, `managers`, `integrations` and `testing`. All other modules are
internal; the import contract in pyproject.toml enforces this.

context           the active tenant
exceptions        the package's exceptions
app_registry      tenant apps and shared apps, and their connections
models, managers, fields
                  public bases: tenant models, querysets, keys
ownership         objects and querysets that are bound to their tenant
cross_tenant      audited work over all tenants
checks            system checks
preflight         checks before a server serves
migrate, migration_state
                  base of the migrate command, applied migrations
integrations/     caches, files, locks, sessions, signatures, tasks, Django REST framework
postgresql/       grants, invariants and constraints that every strategy has
strategy/         the isolation strategy; protocol.py lists its interface
testing/          test support
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
