"""Erase one user's data in one tenant."""

import json
from contextlib import suppress
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Q
from rest_framework.exceptions import APIException

from apps.authentication.models import User
from apps.isolation import ActiveTenant
from apps.isolation.context import activate_tenant
from apps.memberships.models import Membership
from apps.privacy import data_subject
from apps.privacy.models import RequestKind, RequestStatus
from apps.privacy.services import ask_as_platform, carry_out
from apps.tenants.models import INCOMPLETE


class Command(BaseCommand):
    """``erase_user_data TENANT USER [--dry-run] [--json]``."""

    help = "Erase the data of a member or former member in one tenant."
    kind = RequestKind.ERASE

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("tenant", help="slug")
        parser.add_argument("user", help="e-mail address or id")
        parser.add_argument("--dry-run", action="store_true", help="only list the data")
        parser.add_argument("--json", action="store_true", help="print a JSON object")

    def handle(self, *args: object, tenant: str, user: str, **options: object) -> None:
        """Carry out the request, and print the data found; exit with an error on failure."""
        member = _member(tenant, user)
        report = {"tenant": member.tenant.slug, "user": str(member.user_id), "kind": self.kind}
        with activate_tenant(ActiveTenant(member.tenant_id)):
            found = data_subject.tally(member.user_id)
        if not options["dry_run"]:
            report |= self._carried_out(member)
        lines = [f"{name}: {value}" for name, value in (report | found).items()]
        text = json.dumps(report | {"found": found}) if options["json"] else "\n".join(lines)
        self.stdout.write(text)
        if report.get("status") == RequestStatus.FAILED:
            raise CommandError("The erasure failed: see the log, then run privacy_requests --run.")

    def _carried_out(self, member: Membership) -> dict[str, str]:
        try:
            request = ask_as_platform(member.tenant_id, self.kind, member.user_id)
        except APIException as error:
            raise CommandError(str(error.detail)) from error
        carry_out(request)
        return {"request": str(request.pk), "status": request.status}


def _member(slug: str, user: str) -> Membership:
    named = Q(user__in=User.objects.find(user))
    with suppress(ValueError):
        named |= Q(user=UUID(user))
    rows = Membership.platform.filter(named, tenant__slug=slug)
    member = rows.exclude(tenant__status__in=INCOMPLETE).select_related("tenant").first()
    if member is None:
        message = f"{user} is not and never was a member of a tenant {slug}."
        raise CommandError(message)
    return member
