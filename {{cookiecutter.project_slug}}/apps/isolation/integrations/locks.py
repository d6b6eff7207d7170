"""Tenant-scoped locks."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

from apps.isolation.context import require_tenant


@contextmanager
def tenant_lock(name: str) -> Iterator[None]:
    """Run a block that no other process runs at the same time for the active tenant.

    The block is a transaction, and the lock ends with it, or with the one around it. Nothing is
    left behind on the connection, so a pooler may hand it to anybody afterwards.
    """
    key = f"{require_tenant().id}:{name}"
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [key])
        yield
