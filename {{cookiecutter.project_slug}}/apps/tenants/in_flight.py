"""Limits a tenant's concurrent requests in a process.

Without a limit, one tenant's slow requests could occupy all threads of a process, and other tenants
would wait. The count is in the process's memory, which is cheap, and threads belong to the process.
One more request that only reads waits for a moment, since browsers send several at once. Others are
refused immediately.
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
"""Maximum waiting time of a request, in seconds."""

_changed = Condition()
_in_flight: Counter[UUID] = Counter()
_waiting: set[UUID] = set()
"""Tenants with a waiting request. Only one request may wait, so that a thread stays free."""


class Slot:
    """A tenant's slot for one request, from resolving the tenant to the last byte.

    Creating it raises `TenantBusy` if the tenant has no free slot. Requests without a tenant have
    no limit here: throttles limit them by address.
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
        """Keep the slot until a streaming response has been sent or closed; return the response."""
        if response.streaming:
            self._is_kept = True
            response._resource_closers.append(self.release)  # type: ignore[attr-defined] # noqa: SLF001 - the one list of what close() does
            finalize(response, self.release)  # close() is never called on it
        return response

    def release(self) -> None:
        """Release the slot; do nothing if it is already released."""
        with _changed:
            tenant_id, self._held = self._held, None
            if tenant_id is not None:
                _in_flight[tenant_id] -= 1
                if not _in_flight[tenant_id]:
                    del _in_flight[tenant_id]
                _changed.notify_all()


def _take(tenant_id: UUID, *, may_wait: bool) -> bool:
    """Count a request; return False, and count nothing, if the tenant has reached its limit."""
    with _changed:
        if not (_has_room(tenant_id) or (may_wait and _wait(tenant_id))):
            return False
        _in_flight[tenant_id] += 1
        return True


def _has_room(tenant_id: UUID) -> bool:
    most = settings.TENANT_REQUESTS_IN_FLIGHT
    return not most or _in_flight.get(tenant_id, 0) < most


def _wait(tenant_id: UUID) -> bool:
    """Wait for a free slot; return False at once if another request waits for one."""
    # One that has room by now goes on as soon as its thread runs.
    if any(not _has_room(each) for each in _waiting):
        return False
    _waiting.add(tenant_id)
    try:
        return _changed.wait_for(lambda: _has_room(tenant_id), PATIENCE)
    finally:
        _waiting.discard(tenant_id)
