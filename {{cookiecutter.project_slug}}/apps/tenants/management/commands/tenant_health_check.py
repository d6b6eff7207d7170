"""Find problems of tenants and their data."""

import json

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.tenants.management.base import in_a_sentence
from apps.tenants.management.health import find_problems


class Command(BaseCommand):
    """``tenant_health_check [--json]``."""

    help = (
        "Find tenants without an Owner, a domain or tables, invalid references, missing files, "
        "unapplied migrations, and violated invariants."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--json", action="store_true", help="print a JSON array")

    def handle(self, *args: object, **options: object) -> None:
        """Print the problems; exit with an error if there are any."""
        with in_a_sentence("check the tenants"):
            found = [{"tenant": slug, "problem": problem} for slug, problem in find_problems()]
        if options["json"]:
            self.stdout.write(json.dumps(found, indent=2))
        else:
            for each in found:
                self.stdout.write("{tenant:<24} {problem}".format(**each))
        if found:
            raise CommandError(f"Problems found: {len(found)}.")
        if not options["json"]:
            self.stdout.write("No problems found.")
