"""List or purge the tenants whose time of grace is over."""

import json

from django.core.management.base import BaseCommand, CommandParser

from apps.offboarding.services import due_for_purge, purge
from apps.tenants.management.base import in_a_sentence


class Command(BaseCommand):
    """``purge_tenants [--due] [--json]``."""

    help = "List the tenants whose time of grace is over, or purge them with --due."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--due", action="store_true", help="purge them")
        parser.add_argument("--json", action="store_true", help="print a JSON array")

    def handle(self, *args: object, due: bool, **options: object) -> None:
        """Print one line for each tenant; stop at the first one that fails."""
        rows = []
        for tenant in due_for_purge():
            row = {"tenant": str(tenant.pk), "slug": tenant.slug, "purged": due}
            if due:
                with in_a_sentence(f"purge {tenant.slug!r}"):
                    purge(tenant)
            rows.append(row)
            if not options["json"]:
                self.stdout.write(f"{tenant.slug}: {'purged' if due else 'due'}")
        if options["json"]:
            self.stdout.write(json.dumps(rows))
        elif not rows:
            self.stdout.write("No tenant is due.")
