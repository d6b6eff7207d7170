"""Print the certificate of a purge."""

import json
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.signing import BadSignature

from apps.offboarding.certificate import read_certificate
from apps.tenants.models import Purge


class Command(BaseCommand):
    """``purge_certificate ID``."""

    help = "Print the certificate of a purged tenant, after checking its signature."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("tenant", type=UUID, help="the tenant's id")

    def handle(self, *args: object, tenant: UUID, **options: object) -> None:
        """Print the certificate as JSON."""
        purge = Purge.objects.for_tenant(tenant).exclude(finished_at=None).first()
        if purge is None:
            raise CommandError(f"No tenant {tenant} has been purged.")
        try:
            statement = read_certificate(purge)
        except BadSignature as error:
            message = f"The certificate of {tenant} is not the one that was signed."
            raise CommandError(message) from error
        self.stdout.write(json.dumps(statement, indent=2))
