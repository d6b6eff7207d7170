"""Suspend a tenant: refuse all its requests, and keep its data."""

from apps.tenants.management.base import TenantCommand
from apps.tenants.models import Status, Tenant
from apps.tenants.services import set_status


class Command(TenantCommand):
    """``suspend_tenant SLUG [--dry-run] [--json]``."""

    help = "Suspend a tenant: refuse all its requests, and keep its data."

    def change(self, tenant: Tenant, options: object) -> None:
        """Store the status."""
        set_status(tenant, Status.SUSPENDED)
