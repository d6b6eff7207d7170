"""Storages that are ready before their tenants come, so that a sign-up does not wait for one.

There are none unless ``prepare_storages`` is run, by whoever runs ``migrate``, which keeps those
that are there at head like every tenant's.
"""

from collections.abc import Iterator
from itertools import chain
from uuid import UUID

from django.db import transaction

from apps.isolation import CATALOGUE, ActiveTenant, deprovision, provision
from apps.tenants.models import Spare


def claim() -> UUID | None:
    """Take a storage that is ready, by the id of the tenant that it will be; None if there is none.

    In the transaction that stores the tenant: without the one there is not the other. Whoever
    asks at the same time gets another storage.
    """
    free = Spare.objects.filter(is_ready=True).select_for_update(skip_locked=True)
    spare = free.order_by("pk").first()
    if spare is None:
        return None
    claimed: UUID = spare.pk
    spare.delete()
    return claimed


def prepare(count: int) -> Iterator[UUID]:
    """Make or destroy storages until ``count`` are ready; yield the id of each.

    What a killed run has begun is completed first.
    """
    begun = list(Spare.objects.filter(is_ready=False).values_list("pk", flat=True))
    more = count - Spare.objects.count()
    for pk in chain(begun, (Spare.objects.create().pk for _ in range(more))):
        provision(ActiveTenant(pk))
        Spare.objects.filter(pk=pk).update(is_ready=True)
        yield pk
    for _ in range(-more):
        yield from _destroy_one()


def _destroy_one() -> Iterator[UUID]:
    with transaction.atomic(using=CATALOGUE):
        pk = claim()
        if pk:
            # Not ready from here on, so that nobody is given what is half gone.
            Spare.objects.create(pk=pk)
    if pk:
        deprovision(ActiveTenant(pk))
        Spare.objects.filter(pk=pk).delete()
        yield pk
