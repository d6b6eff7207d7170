"""How many requests of one tenant a process serves at the same time.

Without a bound, one tenant's slow requests take all threads of a process, and everybody waits for
them. Counted in the process's own memory: that costs nothing, and threads are the process's own.
One request more waits for a moment, since browsers ask for several things at once; further ones are
refused, and take no time of the others'.
"""

from collections import Counter
from threading import Condition
from types import TracebackType
from typing import Self
from uuid import UUID
from weakref import finalize

from django.conf import settings
from django.http import HttpResponseBase

from apps.isolation import ActiveTenant
from apps.tenants.exceptions import TenantBusy

PATIENCE = 0.5
"""Seconds for which the one request waits."""

_changed = Condition()
_in_flight: Counter[UUID] = Counter()
_waiting: set[UUID] = set()
"""The tenant whose request waits: one of all, so that a thread is left."""


class Slot:
    """A tenant's place for one request, from the time that the tenant is known to the last byte.

    Raises `TenantBusy` when it is made, if the tenant has no more. Without a tenant there is no
    bound: what a shared host serves to everybody is bounded by address.
    """

    def __init__(self, tenant: ActiveTenant | None, *, may_wait: bool = False) -> None:
        self._held = None if tenant is None else tenant.id
        self._is_kept = False
        if self._held and not _take(self._held, may_wait=may_wait):
            raise TenantBusy

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self._is_kept:
            self.release()

    def keep_until_sent[R: HttpResponseBase](self, response: R) -> R:
        """Keep the slot until a response that streams has been sent, or given up; return it."""
        if response.streaming:
            self._is_kept = True
            response._resource_closers.append(self.release)  # type: ignore[attr-defined] # noqa: SLF001 - the one list of what close() does
            finalize(response, self.release)  # of which close() is never called
        return response

    def release(self) -> None:
        """Give the slot back; do nothing if it is."""
        with _changed:
            tenant_id, self._held = self._held, None
            if tenant_id is not None:
                _in_flight[tenant_id] -= 1
                if not _in_flight[tenant_id]:
                    del _in_flight[tenant_id]
                _changed.notify_all()


def _take(tenant_id: UUID, *, may_wait: bool) -> bool:
    """Count a request; return False, and count nothing, if the tenant has its number already."""
    with _changed:
        if not (_has_room(tenant_id) or (may_wait and _wait(tenant_id))):
            return False
        _in_flight[tenant_id] += 1
        return True


def _has_room(tenant_id: UUID) -> bool:
    most = settings.TENANT_REQUESTS_IN_FLIGHT
    return not most or _in_flight.get(tenant_id, 0) < most


def _wait(tenant_id: UUID) -> bool:
    """Wait until there is room; return False at once if another request waits."""
    if _waiting:
        return False
    _waiting.add(tenant_id)
    try:
        return _changed.wait_for(lambda: _has_room(tenant_id), PATIENCE)
    finally:
        _waiting.clear()
