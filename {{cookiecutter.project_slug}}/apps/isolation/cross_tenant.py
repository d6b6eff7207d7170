"""Audited work over all tenants, for platform code only.

`cross_tenant` is not a public name of ``apps.isolation``, so import-linter refuses it in product
code.
"""

import logging
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from django.apps import apps
from django.conf import settings
from django.dispatch import Signal

from apps.isolation.context import ActiveTenant, activate_tenant, current_tenant

if TYPE_CHECKING:  # its modules import this one
    from apps.isolation.models import TenantBase

logger = logging.getLogger(__name__)

cross_tenant_started = Signal()
"""Sent with the ``reason`` before such work begins; it does not begin if a receiver raises."""


@contextmanager
def cross_tenant(*, reason: str) -> Iterator[Iterator["TenantBase"]]:
    """Iterate over all tenants, one after the other; for platform code only.

    Yields an iterator over the tenants of every status. Each step enters the tenant, so the body of
    the loop reads only this tenant's rows::

        with cross_tenant(reason="monthly usage") as tenants:
            for tenant in tenants:
                report(tenant, Project.objects.count())

    Each tenant is entered as by a request; rows of two tenants are never visible together.

    ``reason`` is written to the log and to the audit log before the loop begins. Raises ValueError
    without a reason, and RuntimeError inside a tenant, since its work must not reach others.
    """
    if not reason.strip():
        message = "cross_tenant() needs a reason for the log and the audit log."
        raise ValueError(message)
    if current_tenant() is not None:
        message = "cross_tenant() was called inside a tenant; leave the tenant first."
        raise RuntimeError(message)
    if not cross_tenant_started.has_listeners():
        message = "No receiver records cross_tenant() in the audit log: install apps.audit."
        raise RuntimeError(message)
    logger.warning("cross-tenant work: %s", reason)
    cross_tenant_started.send(cross_tenant, reason=reason)
    # Close the iterator of an abandoned loop now, not when Python collects it.
    with activate_tenant(None), closing(_each_tenant()) as tenants:
        yield tenants


def _each_tenant() -> Generator["TenantBase"]:
    model: type[TenantBase] = apps.get_model(settings.TENANT_MODEL)
    for tenant in model._default_manager.order_by("pk"):
        with activate_tenant(ActiveTenant(tenant.pk)):
            yield tenant
