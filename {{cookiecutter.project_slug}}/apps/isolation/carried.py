"""What leaves the ORM and takes the tenant along: cache keys, locks, signed values, callbacks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from django.core.signing import TimestampSigner
from django.db import connection, transaction

from apps.isolation.context import activate, current_tenant, require_tenant


def tenant_key(key: str, key_prefix: str, version: int) -> str:
    """Return the key under which the active tenant's value is cached (``KEY_FUNCTION``).

    Raises `NoActiveTenant` without a tenant.
    """
    return f"{require_tenant().id}:{key_prefix}:{version}:{key}"


def tenant_signer(purpose: str) -> TimestampSigner:
    """Return a signer whose values are good for the active tenant and this purpose only."""
    return TimestampSigner(salt=f"{require_tenant().id}:{purpose}")


@contextmanager
def tenant_lock(name: str) -> Iterator[None]:
    """Do a block of work that no other process does at the same time for the active tenant.

    The block is a transaction, and the lock ends with it, or with the one around it. So nothing is
    left behind on the connection, and a pooler may hand it to anybody afterwards.
    """
    key = f"{require_tenant().id}:{name}"
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [key])
        yield


class CommitHooksMixin:
    """Makes a database wrapper run what waits for COMMIT in the tenant that asked for it."""

    def on_commit(self, func: Callable[[], object], robust: bool = False) -> None:
        """Call ``func`` after COMMIT, whichever tenant is active then."""
        super().on_commit(_in_tenant_of_now(func), robust)  # type: ignore[misc]


def _in_tenant_of_now(work: Callable[[], object]) -> Callable[[], Any]:
    tenant = current_tenant()

    @wraps(work)
    def work_in_tenant() -> object:
        with activate(tenant):
            return work()

    return work_in_tenant
