"""Permit again that data of a tenant is deleted."""

from apps.tenants import lifecycle
from apps.tenants.management.base import TenantCommand
from apps.tenants.models import Tenant


class Command(TenantCommand):
    """``release_tenant SLUG [--dry-run] [--json]``."""

    help = "End a hold: permit purges and erasures of a tenant's data again."

    def change(self, tenant: Tenant, options: object) -> None:
        """Remove the reason."""
        lifecycle.release(tenant)
