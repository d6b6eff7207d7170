"""Compare every tenant's tables with the template."""

import json
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.isolation.fleet.drift import find_drift
from apps.isolation.fleet.executor import WORKERS


class Command(BaseCommand):
    """``check_fleet [--workers N] [--json]``."""

    help = "Find tenants whose tables are missing, not migrated, or different from the template."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options."""
        text = "Number of tenants to read in parallel, each with a connection"
        text = f"{text} (default {WORKERS})."
        parser.add_argument("--workers", metavar="N", type=int, default=WORKERS, help=text)
        parser.add_argument("--json", action="store_true", help="Print the result as JSON.")

    def handle(self, *args: object, **options: Any) -> None:
        """Print the differences; exit with an error if there are any."""
        model = apps.get_model(settings.TENANT_MODEL)
        tenants = dict(model._default_manager.order_by("slug").values_list("pk", "slug"))
        drift = find_drift(tenants, options["workers"])
        problems = {tenants[pk]: found for pk, found in drift.items()}
        if options["json"]:
            self.stdout.write(json.dumps({"tenants": len(tenants), "problems": problems}))
        for slug, lines in {} if options["json"] else problems.items():
            self.stdout.write("\n  ".join([f"{slug}:", *lines]))
        if problems:
            message = f"{len(problems)} of {len(tenants)} tenants differ from the template."
            raise CommandError(message)
        if not options["json"]:
            self.stdout.write(f"All {len(tenants)} tenants are migrated and match the template.")
