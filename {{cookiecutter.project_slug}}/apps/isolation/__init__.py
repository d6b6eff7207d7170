"""Isolation between tenants.

This package is the only place that knows how tenants are kept apart. Product code imports the
names below and the public modules `models`, `fields`, `managers`, `integrations` and `testing`;
all other modules are internal, and the import contract in pyproject.toml keeps them so.

context           the active tenant
exceptions        the package's exceptions
app_registry      which apps and models are the tenants', and which are shared
models, managers, fields
                  public bases: tenant models, querysets, keys
ownership         objects and querysets that are bound to their tenant
cross_tenant      audited work over all tenants
checks            system checks
preflight         checks before a server serves
migrate, migration_state
                  base of the migrate command; what is applied
integrations/     caches, files, locks, sessions, signatures, tasks, Django REST framework
postgresql/       grants, invariants and constraints that every strategy has
strategy/         all that depends on how tenants are kept apart; protocol.py lists it
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
