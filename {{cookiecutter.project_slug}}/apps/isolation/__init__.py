"""The wall between tenants.

This package is the only place that knows how tenants are kept apart. Product code imports the
names below and nothing from the modules inside.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from apps.isolation.carried import tenant_lock, tenant_signer
from apps.isolation.context import ActiveTenant, current_tenant, require_tenant, tenant_context
from apps.isolation.errors import CatalogueJoin, NoActiveTenant, TenantNotUsable, WallViolation
from apps.isolation.identifiers import new_id

if TYPE_CHECKING:
    from apps.isolation.fields import CatalogueForeignKey, UserForeignKey
    from apps.isolation.models import (
        DomainBase,
        TenantBase,
        TenantModel,
        tenant_index,
        tenant_unique,
    )
    from apps.isolation.placement import CATALOGUE
    from apps.isolation.provisioning import deprovision, provision, storage_name, storage_report
    from apps.isolation.serializers import TenantModelSerializer

__all__ = [
    "CATALOGUE",
    "ActiveTenant",
    "CatalogueForeignKey",
    "CatalogueJoin",
    "DomainBase",
    "NoActiveTenant",
    "TenantBase",
    "TenantModel",
    "TenantModelSerializer",
    "TenantNotUsable",
    "UserForeignKey",
    "WallViolation",
    "current_tenant",
    "deprovision",
    "new_id",
    "provision",
    "require_tenant",
    "storage_name",
    "storage_report",
    "tenant_context",
    "tenant_index",
    "tenant_lock",
    "tenant_signer",
    "tenant_unique",
]

# Django imports this package before its app registry is ready, and no model may be made before
# that. So the names that need models are looked up at their first use.
_LATE = {
    "fields": ("CatalogueForeignKey", "UserForeignKey"),
    "models": ("DomainBase", "TenantBase", "TenantModel", "tenant_index", "tenant_unique"),
    "placement": ("CATALOGUE",),
    "provisioning": ("deprovision", "provision", "storage_name", "storage_report"),
    "serializers": ("TenantModelSerializer",),
}


def __getattr__(name: str) -> Any:
    for module, names in _LATE.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
