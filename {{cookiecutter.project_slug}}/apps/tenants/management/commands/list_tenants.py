"""List the tenants."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db.models import Count, Q

from apps.tenants.models import Domain, Tenant

COLUMNS = ("slug", "status", "domain", "members", "id")


class Command(BaseCommand):
    """``list_tenants [--json]``."""

    help = "List the tenants: slug, status, primary domain, active members, id."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--json", action="store_true", help="print a JSON array")

    def handle(self, *args: object, **options: object) -> None:
        """Print one line a tenant, or one array."""
        rows = _rows()
        if options["json"]:
            self.stdout.write(json.dumps(rows, indent=2))
            return
        for row in [dict(zip(COLUMNS, COLUMNS, strict=True)), *rows]:
            self.stdout.write(
                "{slug:<24} {status:<10} {domain:<40} {members:>7}  {id}".format(**row)
            )


def _rows() -> list[dict[str, Any]]:
    domains = dict(Domain.platform.filter(is_primary=True).values_list("tenant_id", "domain"))
    members = Count("memberships", filter=Q(memberships__is_active=True))
    return [
        {
            "slug": tenant.slug,
            "name": tenant.name,
            "status": tenant.status,
            "domain": domains.get(tenant.pk, ""),
            "members": tenant.active_members,
            "id": str(tenant.pk),
        }
        for tenant in Tenant.objects.annotate(active_members=members).order_by("slug")
    ]
