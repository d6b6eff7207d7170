"""List open privacy requests, and carry them out."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from apps.privacy.models import PrivacyRequest, RequestStatus
from apps.privacy.services import carry_out, purge
from apps.tenants.models import Tenant


class Command(BaseCommand):
    """``privacy_requests [--run] [--purge] [--json]``."""

    help = "List open privacy requests by tenant; exit with an error if one is overdue."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        run, purge = "first carry out all open requests", "first delete expired exports"
        parser.add_argument("--run", action="store_true", help=run)
        parser.add_argument("--purge", action="store_true", help=purge)
        parser.add_argument("--json", action="store_true", help="print a JSON array")

    def handle(self, *args: object, **options: object) -> None:
        """Carry out the options, then print the open requests."""
        if options["run"]:
            for request in _open():
                carry_out(request)
        if options["purge"]:
            purge()
        rows = _rows()
        if options["json"]:
            self.stdout.write(json.dumps(rows, indent=2))
        for row in [] if options["json"] else rows:
            line = "{tenant:<24} {kind:<6} {status:<8} {due_on}  {id}".format(**row)
            self.stdout.write(line + "  overdue" * row["overdue"])
        if overdue := sum(row["overdue"] for row in rows):
            message = f"{overdue} of {len(rows)} open privacy requests are overdue."
            raise CommandError(message)


def _open() -> list[PrivacyRequest]:
    rows = PrivacyRequest.platform.exclude(status=RequestStatus.DONE)
    return list(rows.order_by("tenant_id", "pk"))


def _rows() -> list[dict[str, Any]]:
    slugs, today = dict(Tenant.objects.values_list("pk", "slug")), timezone.now().date()
    return [
        {
            "tenant": slugs.get(request.tenant_id, str(request.tenant_id)),
            "id": str(request.pk),
            "kind": request.kind,
            "status": request.status,
            "due_on": request.due_on.isoformat(),
            "overdue": request.due_on < today,
        }
        for request in _open()
    ]
