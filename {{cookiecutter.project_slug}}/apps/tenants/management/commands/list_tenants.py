"""List the tenants."""

import json
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandParser
from django.db.models import Count, Q

from apps.isolation.context import ActiveTenant
from apps.isolation.strategy.provisioning import provisioning_report
from apps.tenants.models import Domain, Tenant

# Columns with their widths; numbers are right-aligned.
COLUMNS = {"slug": "<24", "status": "<10", "domain": "<40", "members": ">7", "id": "<36"}
SIZES = {"storage": "<36", "size": ">14"}


class Command(BaseCommand):
    """``list_tenants [--sizes] [--json]``."""

    help = "List the tenants: slug, status, primary domain, active members, id."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--json", action="store_true", help="print a JSON array")
        parser.add_argument(
            "--sizes",
            action="store_true",
            help="add each tenant's name in PostgreSQL and its size in bytes (one query each)",
        )

    def handle(self, *args: object, **options: object) -> None:
        """Print one line per tenant, or one array."""
        rows = _rows()
        if options["sizes"]:
            rows = [row | _size(row["id"]) for row in rows]
        if options["json"]:
            self.stdout.write(json.dumps(rows, indent=2))
            return
        columns = COLUMNS | (SIZES if options["sizes"] else {})
        for row in [{name: name for name in columns}, *rows]:
            cells = [format(row[name], width) for name, width in columns.items()]
            self.stdout.write("  ".join(cells).rstrip())


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


def _size(tenant_id: str) -> dict[str, Any]:
    """Return a tenant's storage in PostgreSQL; nothing for an incomplete tenant."""
    report = provisioning_report(ActiveTenant(UUID(tenant_id)))
    return {"storage": report.name if report.exists else "", "size": report.size}
