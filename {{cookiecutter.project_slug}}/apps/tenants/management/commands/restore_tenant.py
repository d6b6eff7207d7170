"""Restore an archived tenant: serve it again, with all of its data."""

from apps.tenants import lifecycle
from apps.tenants.management.base import TenantCommand
from apps.tenants.models import Tenant


class Command(TenantCommand):
    """``restore_tenant SLUG [--dry-run] [--json]``."""

    help = "Restore an archived tenant: serve it again, with all of its data."

    def change(self, tenant: Tenant, options: object) -> None:
        """Store the status."""
        lifecycle.restore(tenant)
