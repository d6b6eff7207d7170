"""Archive a tenant: refuse its requests, and purge it after the time of grace."""

from typing import Any

from django.core.management.base import CommandParser

from apps.tenants import lifecycle
from apps.tenants.management.base import TenantCommand
from apps.tenants.models import Tenant


class Command(TenantCommand):
    """``archive_tenant SLUG [--reason TEXT] [--dry-run] [--json]``."""

    help = "Archive a tenant: refuse its requests, and purge it after the time of grace."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        super().add_arguments(parser)
        parser.add_argument("--reason", default="", help="for the audit log")

    def change(self, tenant: Tenant, options: dict[str, Any]) -> None:
        """Store the status and the date."""
        lifecycle.archive(tenant, reason=options["reason"])
