"""Resume a suspended tenant."""

from apps.tenants import lifecycle
from apps.tenants.management.base import TenantCommand
from apps.tenants.models import Tenant


class Command(TenantCommand):
    """``resume_tenant SLUG [--dry-run] [--json]``."""

    help = "Resume a suspended tenant."

    def change(self, tenant: Tenant, options: object) -> None:
        """Store the status."""
        lifecycle.resume(tenant)
