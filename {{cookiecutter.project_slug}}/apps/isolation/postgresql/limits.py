"""Limits on the statements of the run-time role, enforced by PostgreSQL.

They are settings of each database, so every new connection has them, also behind a pooler, and no
request has to send them. ``migrate`` and provisioning set them as the owner, whose own connection
has none (``config/settings/database.py``).
"""

from collections.abc import Iterator

from django.conf import settings
from django.db import ProgrammingError, connections
from django.db.backends.utils import CursorWrapper
from psycopg.errors import InsufficientPrivilege
from psycopg.sql import SQL, Identifier

from apps.isolation.app_registry import SHARED_DB

NONE = {"temp_file_limit": -1}
"""Values that mean no limit, for settings whose value is not 0."""

UNLIMITED = {0, *NONE.values()}

MIGRATE = "run manage.py migrate as the owner of the database, and reconnect."
REMEDIES = {
    "temp_file_limit": "have a superuser GRANT SET ON PARAMETER temp_file_limit to the owner, and "
    "run manage.py migrate; where there is no superuser, set it by the provider's own means, or "
    "give up this limit with DATABASE_TEMP_FILE_MB=0."
}


def wanted_limits() -> dict[str, int]:
    """Return ``DATABASE_LIMITS`` as texts in PostgreSQL's format."""
    return {name: value or NONE.get(name, 0) for name, value in settings.DATABASE_LIMITS.items()}


def set_limits(cursor: CursorWrapper, database: str) -> None:
    """Set ``DATABASE_LIMITS`` for a database, as its owner.

    Skips limits that the owner may not set; `missing_limits` reports them.
    """
    for name, value in wanted_limits().items():
        statement = SQL("ALTER DATABASE {} SET {} = {}").format(
            Identifier(database), Identifier(name), str(value)
        )
        try:
            cursor.execute(statement)
        except ProgrammingError as error:
            if not isinstance(error.__cause__, InsufficientPrivilege):
                raise


def missing_limits(alias: str = SHARED_DB) -> Iterator[str]:
    """Yield a sentence for each limit that a new connection does not have."""
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT name, reset_val::bigint FROM pg_settings WHERE name = ANY (%s) ORDER BY name",
            [list(settings.DATABASE_LIMITS)],
        )
        yield from weaker_limits(dict(cursor.fetchall()))


def weaker_limits(found: dict[str, int]) -> Iterator[str]:
    """Yield a sentence for each limit that is weaker in ``found`` than wanted."""
    for name, wanted in wanted_limits().items():
        value = found.get(name, 0)
        if wanted not in UNLIMITED and (value in UNLIMITED or value > wanted):
            remedy = REMEDIES.get(name, MIGRATE)
            yield f"PostgreSQL has {name} = {value} instead of {wanted}: {remedy}"
