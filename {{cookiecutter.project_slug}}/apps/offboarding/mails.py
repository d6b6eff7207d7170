"""Mails to the Owners of a tenant that is archived, restored or purged."""

from typing import Final

from django.dispatch import receiver

from apps.memberships.mails import mail_owners
from apps.tenants.lifecycle import ARCHIVE, RESTORE, Transition, status_changed
from apps.tenants.models import Tenant

MAILS: Final = {ARCHIVE: "archived", RESTORE: "restored"}


@receiver(status_changed)
def mail_change(*, tenant: Tenant, transition: Transition, **kwargs: object) -> None:
    """Mail the Owners of a tenant that is archived or restored."""
    if name := MAILS.get(transition):
        mail_owners(tenant, f"offboarding/email/{name}")
