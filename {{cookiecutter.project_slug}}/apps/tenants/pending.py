"""Storages that are ready before their tenants come, so that a sign-up does not wait for one.

There are none unless ``prepare_tenants`` is run, by whoever runs ``migrate``, which keeps those
that exist up to date, as it does tenants.
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
    """Take a storage that is ready, by the id of the tenant that it will be; None if there is none.

    In the transaction that stores the tenant: without the one there is not the other. Whoever
    asks at the same time gets another storage.
    """
    free = PendingTenant.objects.filter(is_ready=True).select_for_update(skip_locked=True)
    pending = free.order_by("pk").first()
    if pending is None:
        return None
    claimed: UUID = pending.pk
    pending.delete()
    return claimed


def prepare(count: int) -> Iterator[UUID]:
    """Make or destroy storages until ``count`` are ready; yield the id of each.

    What a killed run has begun is completed first.
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
            # Not ready from here on, so that nobody is given what is half gone.
            PendingTenant.objects.create(pk=pk)
    if pk:
        deprovision(ActiveTenant(pk))
        PendingTenant.objects.filter(pk=pk).delete()
        yield pk
