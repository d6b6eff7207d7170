"""Work that takes longer than a page or a list may."""

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections


def allow_long_statements(alias: str = DEFAULT_DB_ALIAS) -> None:
    """Let the statements of the transaction that has begun take ``DATABASE_LONG_SECONDS``.

    For exports, reports, and commands that walk over whole tables. It ends with the transaction.
    """
    milliseconds = 1000 * settings.DATABASE_LONG_SECONDS
    names = [name for name in settings.DATABASE_LIMITS if name.endswith("_timeout")]
    with connections[alias].cursor() as cursor:
        cursor.execute("; ".join(f"SET LOCAL {name} = {milliseconds:d}" for name in names))
