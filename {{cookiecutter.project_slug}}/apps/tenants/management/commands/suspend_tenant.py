"""Suspend a tenant: refuse all its requests, and keep its data."""

from apps.tenants import lifecycle
from apps.tenants.management.base import TenantCommand
from apps.tenants.models import Tenant


class Command(TenantCommand):
    """``suspend_tenant SLUG [--dry-run] [--json]``."""

    help = "Suspend a tenant: refuse all its requests, and keep its data."

    def change(self, tenant: Tenant, options: object) -> None:
        """Store the status."""
        lifecycle.suspend(tenant)
