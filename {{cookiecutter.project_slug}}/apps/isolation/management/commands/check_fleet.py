"""Look into every tenant's storage: whether it is there, at head, and shaped as the template."""

import json
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.isolation.shape import storage_problems


class Command(BaseCommand):
    """Compares every tenant's storage with the template."""

    help = "Find tenants whose tables are missing, behind, or not as the migrations make them."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options."""
        parser.add_argument("--json", action="store_true", help="Print the result as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print what is wrong; exit with an error if anything is."""
        model = apps.get_model(settings.TENANT_MODEL)
        tenants = dict(model._default_manager.order_by("slug").values_list("pk", "slug"))
        problems = {tenants[pk]: found for pk, found in storage_problems(tenants).items()}
        if options["json"]:
            self.stdout.write(json.dumps({"tenants": len(tenants), "problems": problems}))
        for slug, lines in {} if options["json"] else problems.items():
            self.stdout.write("\n  ".join([f"{slug}:", *lines]))
        if problems:
            message = f"{len(problems)} of {len(tenants)} tenants are not as they should be."
            raise CommandError(message)
        if not options["json"]:
            self.stdout.write(f"All {len(tenants)} tenants are at head, and as the template is.")
