"""A lock on work that consists of many transactions."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import connections

from apps.isolation.app_registry import SHARED_DB
from apps.isolation.fields import new_id
from apps.portability.exceptions import ArchiveError


@contextmanager
def import_lock(tenant_id: UUID) -> Iterator[None]:
    """Hold the lock on the import of a tenant; raise `ArchiveError` if another run holds it.

    A transaction on a connection of its own holds it, which works behind a pooler. It ends with
    this process at the latest.
    """
    alias = f"{SHARED_DB} {new_id()}"
    connection = connections[alias] = connections[SHARED_DB].copy(alias)
    connection.settings_dict["OPTIONS"].pop("pool", None)
    try:
        connection.set_autocommit(False)
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            key = f"import:{tenant_id}"
            cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [key])
            if cursor.fetchone() != (True,):
                raise ArchiveError("Another process imports or moves this tenant.")
        yield
    finally:
        connection.close()
        del connections[alias]
