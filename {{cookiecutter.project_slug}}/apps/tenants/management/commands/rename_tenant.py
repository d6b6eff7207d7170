"""Change a tenant's name or slug."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.tenants.management.base import TenantCommand
from apps.tenants.models import Tenant
from apps.tenants.services import rename_tenant


class Command(TenantCommand):
    """``rename_tenant SLUG [--name NAME] [--slug NEW] [--dry-run] [--json]``."""

    help = (
        "Change a tenant's name or slug. A new slug also changes its domain below the base domain; "
        "other domains and the storage keep their names."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        super().add_arguments(parser)
        parser.add_argument("--name", default="", help="new display name")
        parser.add_argument("--slug", default="", dest="new_slug", help="new slug")

    def change(self, tenant: Tenant, options: dict[str, Any]) -> None:
        """Rename the tenant."""
        if not (options["name"] or options["new_slug"]):
            raise CommandError("Give --name, --slug, or both.")
        rename_tenant(tenant, name=options["name"], slug=options["new_slug"])
