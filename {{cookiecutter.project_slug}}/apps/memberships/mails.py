"""Mails to the Owners of a tenant."""

from allauth.account.adapter import get_adapter

from apps.memberships.selectors import owners
from apps.tenants.models import Tenant


def mail_owners(tenant: Tenant, template: str, **context: object) -> None:
    """Enqueue a mail to each Owner, in the caller's transaction.

    ``template`` is the beginning of the names of two templates, for subject and message.
    """
    of_tenant = owners().filter(tenant_id=tenant.pk).order_by("user__email")
    for email in of_tenant.values_list("user__email", flat=True):
        get_adapter().send_mail(template, email, {"tenant": tenant, **context})
