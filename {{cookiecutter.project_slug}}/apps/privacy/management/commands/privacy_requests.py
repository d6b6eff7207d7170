"""List the privacy requests that are open, and see to them."""

import json
from itertools import groupby
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from apps.privacy.models import PrivacyRequest, RequestStatus
from apps.privacy.requests import carry_out, purge
from apps.tenants.models import Tenant


class Command(BaseCommand):
    """``privacy_requests [--run] [--purge] [--json]``."""

    help = "List open and overdue privacy requests by tenant; exit with an error if any is overdue."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument(
            "--run", action="store_true", help="first carry out what failed or was broken off"
        )
        parser.add_argument(
            "--purge", action="store_true", help="first delete exports that were kept long enough"
        )
        parser.add_argument("--json", action="store_true", help="print a JSON array")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what is asked for, then print what is open."""
        if options["run"]:
            for request in _open():
                carry_out(request)
        if options["purge"]:
            purge()
        rows = _rows()
        if options["json"]:
            self.stdout.write(json.dumps(rows, indent=2))
        for row in [] if options["json"] else rows:
            self.stdout.write("{tenant}: {open} open, {overdue} overdue".format(**row))
        if overdue := sum(row["overdue"] for row in rows):
            message = f"{overdue} privacy requests are overdue."
            raise CommandError(message)


def _open() -> list[PrivacyRequest]:
    rows = PrivacyRequest.platform.exclude(status=RequestStatus.DONE)
    return list(rows.order_by("tenant_id", "pk"))


def _rows() -> list[dict[str, Any]]:
    slugs = dict(Tenant.objects.values_list("pk", "slug"))
    today = timezone.now().date()
    by_tenant = {
        key: list(group) for key, group in groupby(_open(), lambda request: request.tenant_id)
    }
    return [
        {
            "tenant": slugs.get(tenant_id, str(tenant_id)),
            "open": len(group),
            "overdue": sum(request.due_on < today for request in group),
            "requests": [
                {
                    "id": str(request.pk),
                    "kind": request.kind,
                    "status": request.status,
                    "due_on": request.due_on.isoformat(),
                }
                for request in group
            ],
        }
        for tenant_id, group in by_tenant.items()
    ]
