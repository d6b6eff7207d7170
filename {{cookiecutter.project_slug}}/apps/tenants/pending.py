"""Pending tenants: storage provisioned in advance, so that a sign-up does not wait for it.

``prepare_tenants`` creates them, with the rights of ``migrate``, which also migrates them like
tenants. By default there are none.
"""

from collections.abc import Iterator
from itertools import chain
from uuid import UUID

from django.db import transaction

from apps.isolation import ActiveTenant
from apps.isolation.app_registry import SHARED_DB
from apps.isolation.strategy.provisioning import deprovision, provision
from apps.tenants.models import PendingTenant


def claim() -> UUID | None:
    """Take ready storage, and return the id of its future tenant; None if there is none.

    Call this in the transaction that stores the tenant, so that both succeed or fail. Concurrent
    callers get different storage.
    """
    free = PendingTenant.objects.filter(is_ready=True).select_for_update(skip_locked=True)
    pending = free.order_by("pk").first()
    if pending is None:
        return None
    claimed: UUID = pending.pk
    pending.delete()
    return claimed


def prepare(count: int) -> Iterator[UUID]:
    """Create or remove storage until ``count`` is ready; yield the id of each.

    Storage of an interrupted run is completed first.
    """
    begun = list(PendingTenant.objects.filter(is_ready=False).values_list("pk", flat=True))
    more = count - PendingTenant.objects.count()
    for pk in chain(begun, (PendingTenant.objects.create().pk for _ in range(more))):
        provision(ActiveTenant(pk))
        PendingTenant.objects.filter(pk=pk).update(is_ready=True)
        yield pk
    for _ in range(-more):
        yield from _destroy_one()


def _destroy_one() -> Iterator[UUID]:
    with transaction.atomic(using=SHARED_DB):
        pk = claim()
        if pk:
            # Not ready from here on, so that nobody gets partly removed storage.
            PendingTenant.objects.create(pk=pk)
    if pk:
        deprovision(ActiveTenant(pk))
        PendingTenant.objects.filter(pk=pk).delete()
        yield pk
