"""Tenant-scoped locks."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

from apps.isolation.context import require_tenant


@contextmanager
def tenant_lock(name: str) -> Iterator[None]:
    """Hold a lock of the active tenant while the block runs, across processes.

    The block is a transaction. The lock ends with it, or with the transaction around it, so it
    works behind a pooler.
    """
    key = f"{require_tenant().id}:{name}"
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [key])
        yield
