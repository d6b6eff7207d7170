"""The escape hatch: work that goes through all tenants."""

import logging
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager

from django.apps import apps
from django.conf import settings

from apps.isolation.context import ActiveTenant, activate, current_tenant
from apps.isolation.models import TenantBase

logger = logging.getLogger(__name__)


@contextmanager
def cross_tenant(*, reason: str) -> Iterator[Iterator[TenantBase]]:
    """Go through all tenants, one after the other; for platform code only.

    Yields an iterator over the tenants, whatever their status; each step of it enters the tenant,
    so that the body of the loop sees this tenant's rows and no others::

        with cross_tenant(reason="monthly usage") as tenants:
            for tenant in tenants:
                report(tenant, Project.objects.count())

    ``reason`` is written to the log. Raises ValueError without a reason, and RuntimeError inside
    a tenant: one tenant's work must not reach the others.
    """
    if not reason.strip():
        message = "cross_tenant() needs a reason: it is what the log will say."
        raise ValueError(message)
    if current_tenant() is not None:
        message = "cross_tenant() was called inside a tenant; leave the tenant first."
        raise RuntimeError(message)
    logger.warning("cross-tenant work: %s", reason)
    # A loop that was broken off is closed here, and not whenever Python collects the iterator.
    with activate(None), closing(_each_tenant()) as tenants:
        yield tenants


def _each_tenant() -> Generator[TenantBase]:
    model: type[TenantBase] = apps.get_model(settings.TENANT_MODEL)
    for tenant in model._default_manager.order_by("pk"):
        with activate(ActiveTenant(tenant.pk)):
            yield tenant
