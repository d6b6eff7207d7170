"""Purge a tenant: delete everything that belongs to it."""

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.offboarding.certificate import read_certificate
from apps.offboarding.inventory import inventory
from apps.offboarding.services import purge
from apps.tenants.management.base import in_a_sentence
from apps.tenants.models import Tenant


class Command(BaseCommand):
    """``purge_tenant SLUG --confirm SLUG [--now --reason TEXT] [--dry-run] [--json]``."""

    help = "Delete everything that belongs to an archived tenant; complete an interrupted purge."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("slug", help="name in the tenant's host name")
        parser.add_argument("--confirm", default="", help="the slug again")
        parser.add_argument("--now", action="store_true", help="within the time of grace")
        parser.add_argument("--reason", default="", help="for the certificate; no personal data")
        parser.add_argument("--dry-run", action="store_true", help="only count what there is")
        parser.add_argument("--json", action="store_true", help="print a JSON object")

    def handle(self, *args: object, slug: str, dry_run: bool, **options: Any) -> None:
        """Delete the data and print the certificate, or print what would be deleted."""
        tenant = Tenant.objects.filter(slug=slug).first()
        if tenant is None:
            raise CommandError(f"There is no tenant {slug!r}.")
        if dry_run:
            self._print({"tenant": str(tenant.pk), "found": inventory(tenant)}, options)
            return
        if options["confirm"] != slug:
            raise CommandError(f"This cannot be undone. Repeat the slug: --confirm {slug}")
        with in_a_sentence(f"purge {slug!r}"):
            done = purge(tenant, reason=options["reason"], at_once=options["now"], note=self._note)
        self._print(read_certificate(done), options)

    def _note(self, step: str) -> None:
        sys.stderr.write(f"{step} …\n")

    def _print(self, values: dict[str, Any], options: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(values, indent=None if options["json"] else 2))
