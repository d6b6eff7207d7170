"""Resume a suspended tenant."""

from apps.tenants.management.base import TenantCommand
from apps.tenants.models import Status, Tenant
from apps.tenants.services import set_status


class Command(TenantCommand):
    """``resume_tenant SLUG [--dry-run] [--json]``."""

    help = "Resume a suspended tenant."

    def change(self, tenant: Tenant, options: object) -> None:
        """Store the status."""
        set_status(tenant, Status.ACTIVE)
