"""Prevent that data of a tenant is deleted, as during a lawsuit."""

from typing import Any

from django.core.management.base import CommandParser

from apps.tenants import lifecycle
from apps.tenants.management.base import TenantCommand
from apps.tenants.models import Tenant


class Command(TenantCommand):
    """``hold_tenant SLUG --reason TEXT [--dry-run] [--json]``."""

    help = "Prevent purges and erasures of a tenant's data, until release_tenant."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        super().add_arguments(parser)
        parser.add_argument("--reason", required=True, help="why nothing may be deleted")

    def change(self, tenant: Tenant, options: dict[str, Any]) -> None:
        """Store the reason."""
        lifecycle.hold(tenant, reason=options["reason"])
