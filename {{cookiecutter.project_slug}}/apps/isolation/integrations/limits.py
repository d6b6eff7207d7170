"""Long work, with a higher limit than pages and lists have."""

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections


def allow_long_statements(alias: str = DEFAULT_DB_ALIAS) -> None:
    """Raise the limits of the current transaction to ``DATABASE_LONG_SECONDS``.

    For exports, reports, and commands that read whole tables.
    """
    milliseconds = 1000 * settings.DATABASE_LONG_SECONDS
    names = [name for name in settings.DATABASE_LIMITS if name.endswith("_timeout")]
    with connections[alias].cursor() as cursor:
        cursor.execute("; ".join(f"SET LOCAL {name} = {milliseconds:d}" for name in names))
