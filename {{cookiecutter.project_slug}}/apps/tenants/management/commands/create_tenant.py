"""Make a tenant."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from apps.tenants.management.base import in_a_sentence
from apps.tenants.services import create_tenant


class Command(BaseCommand):
    """``create_tenant SLUG [--name NAME] [--domain DOMAIN]``."""

    help = "Make a tenant with its domain and its storage."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("slug", help="label in the tenant's host name, for example acme")
        parser.add_argument("--name", default="", help="what people call it (default: the slug)")
        parser.add_argument(
            "--domain", default="", help="host name (default: below the base domain)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the tenant, or say in one sentence why not."""
        slug = options["slug"]
        with in_a_sentence(f"make {slug!r}"):
            tenant = create_tenant(
                slug=slug, name=options["name"] or slug, domain=options["domain"]
            )
        domain = tenant.domains.get(is_primary=True)
        self.stdout.write(self.style.SUCCESS(f"Tenant {tenant.slug} ({tenant.pk}) at {domain}"))
