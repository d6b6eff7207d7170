"""Give a tenant another name or slug."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.tenants.management.base import TenantCommand
from apps.tenants.models import Tenant
from apps.tenants.services import rename_tenant


class Command(TenantCommand):
    """``rename_tenant SLUG [--name NAME] [--slug NEW] [--dry-run] [--json]``."""

    help = (
        "Give a tenant another name or slug. With the slug changes its domain below the base "
        "domain; its other domains and its storage keep their names."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        super().add_arguments(parser)
        parser.add_argument("--name", default="", help="what people call it from now on")
        parser.add_argument("--slug", default="", dest="new_slug", help="the new label")

    def change(self, tenant: Tenant, options: dict[str, Any]) -> None:
        """Rename it."""
        if not (options["name"] or options["new_slug"]):
            raise CommandError("Give a --name, a --slug, or both.")
        rename_tenant(tenant, name=options["name"], slug=options["new_slug"])
