"""Mails to the Owners of a tenant that is archived, restored or purged."""

from typing import Final

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.dispatch import receiver

from apps.memberships.selectors import owners
from apps.tenants.lifecycle import ARCHIVE, RESTORE, Transition, status_changed
from apps.tenants.models import Tenant

MAILS: Final = {ARCHIVE: "archived", RESTORE: "restored"}


@receiver(status_changed)
def mail_change(*, tenant: Tenant, transition: Transition, **kwargs: object) -> None:
    """Mail the Owners of a tenant that is archived or restored."""
    if name := MAILS.get(transition):
        mail_owners(tenant, name)


def mail_owners(tenant: Tenant, name: str) -> None:
    """Enqueue a mail to each Owner, in the transaction of the change."""
    context: dict[str, object] = {"tenant": tenant, "backup_days": settings.BACKUP_KEEP_DAYS}
    of_tenant = owners().filter(tenant_id=tenant.pk).order_by("user__email")
    for email in of_tenant.values_list("user__email", flat=True):
        get_adapter().send_mail(f"offboarding/email/{name}", email, context)
