"""Find what is wrong with tenants and their data."""

import json

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.tenants.management.base import in_a_sentence
from apps.tenants.management.health import find_problems


class Command(BaseCommand):
    """``tenant_health_check [--json]``."""

    help = (
        "Find tenants without an Owner, a domain or tables, rows that refer to nothing, to "
        "another tenant or to a stranger, lost files, waiting migrations, and violated invariants."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--json", action="store_true", help="print a JSON array")

    def handle(self, *args: object, **options: object) -> None:
        """Print what is wrong; exit with an error if anything is."""
        with in_a_sentence("look"):
            found = [{"tenant": slug, "problem": problem} for slug, problem in find_problems()]
        if options["json"]:
            self.stdout.write(json.dumps(found, indent=2))
        else:
            for each in found:
                self.stdout.write("{tenant:<24} {problem}".format(**each))
        if found:
            raise CommandError(f"Not well: {len(found)} found.")
        if not options["json"]:
            self.stdout.write("All is well.")
