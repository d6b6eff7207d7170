"""The escape hatch: work that goes through all tenants. For platform code, never for the product.

Not among the public names of ``apps.isolation``, so import-linter keeps it out of the product.
"""

import logging
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager

from django.apps import apps
from django.conf import settings
from django.dispatch import Signal

from apps.isolation.context import ActiveTenant, activate, current_tenant
from apps.isolation.models import TenantBase

logger = logging.getLogger(__name__)

crossing = Signal()
"""Sent with the ``reason`` before such work begins; it does not begin if a receiver raises."""


@contextmanager
def cross_tenant(*, reason: str) -> Iterator[Iterator[TenantBase]]:
    """Go through all tenants, one after the other; for platform code only.

    Yields an iterator over the tenants, whatever their status; each step of it enters the tenant,
    so that the body of the loop sees this tenant's rows and no others::

        with cross_tenant(reason="monthly usage") as tenants:
            for tenant in tenants:
                report(tenant, Project.objects.count())

    Each tenant is entered by the ordinary wall. There is no context in which the rows of two
    tenants are in sight, and so nowhere an OR that somebody else could get through.

    ``reason`` is written to the log and to the audit trail; without either nothing begins. Raises
    ValueError without a reason, and RuntimeError inside a tenant: one tenant's work must not
    reach the others.
    """
    if not reason.strip():
        message = "cross_tenant() needs a reason: it is what log and audit trail will say."
        raise ValueError(message)
    if current_tenant() is not None:
        message = "cross_tenant() was called inside a tenant; leave the tenant first."
        raise RuntimeError(message)
    if not crossing.has_listeners():
        message = "Nothing would write cross_tenant() down: is apps.audit installed?"
        raise RuntimeError(message)
    logger.warning("cross-tenant work: %s", reason)
    crossing.send(cross_tenant, reason=reason)
    # A loop that was broken off is closed here, and not whenever Python collects the iterator.
    with activate(None), closing(_each_tenant()) as tenants:
        yield tenants


def _each_tenant() -> Generator[TenantBase]:
    model: type[TenantBase] = apps.get_model(settings.TENANT_MODEL)
    for tenant in model._default_manager.order_by("pk"):
        with activate(ActiveTenant(tenant.pk)):
            yield tenant
