"""The schemas of all tenants, as ``migrate`` iterates over them."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import batched
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from apps.isolation.app_registry import OWNER
from apps.isolation.migration_state import FINGERPRINT
from apps.isolation.strategy.copying import require_copyable
from apps.isolation.strategy.naming import PATTERN, PUBLIC, TEMPLATE

_CREATE_EXTENSION = re.compile(
    r"""\bCREATE\s+EXTENSION\s+(?:IF\s+NOT\s+EXISTS\s+)?("[^"]+"|\w+)([^;]*)""", re.IGNORECASE
)
_DROP_EXTENSION = re.compile(r"(^|;)\s*DROP\s+EXTENSION\b[^;]*", re.IGNORECASE)

COMPARED_AT_ONCE = 500
"""Number of schemas whose tables one query reads."""

BATCH = 500
"""Number of schemas in one query, which locks a table in each."""


def enter(target: str) -> str:
    """Return the statement that enters a schema until COMMIT."""
    return f"SET LOCAL search_path = {target}, {PUBLIC};"


def prepare(connection: BaseDatabaseWrapper) -> str:
    """Prepare nothing: tenants see what the shared data holds."""
    return ""


def adapt(statement: str) -> str:
    """Return a migration's statement, changed to create extensions in the shared schema.

    A statement that drops an extension is omitted, since other tenants use the extension too.
    """
    kept = _DROP_EXTENSION.sub(r"\1", statement)
    return _CREATE_EXTENSION.sub(_create_extension, kept) if kept.strip(" ;\n") else ""


def _create_extension(match: re.Match[str]) -> str:
    name, rest = match.groups()
    if not re.search(r"\bSCHEMA\b", rest, re.IGNORECASE):
        rest = f" SCHEMA {PUBLIC}" + re.sub(r"^\s+WITH\b", "", rest, flags=re.IGNORECASE)
    return f"CREATE EXTENSION IF NOT EXISTS {name}{rest}"


def check_made(target: str, connection: BaseDatabaseWrapper) -> None:
    """Raise `ProvisioningError` if a migration created an object that copies would lack."""
    if target == TEMPLATE:
        with connection.cursor() as cursor:
            require_copyable(cursor)


@contextmanager
def target_opener() -> Iterator[Callable[[str], AbstractContextManager[BaseDatabaseWrapper]]]:
    """Yield a function that opens one schema after another over one connection of the owner.

    Leaving the block releases the connection's locks.
    """
    connection: Any = connections[
        OWNER
    ]  # the thread's own connection; django-tenants adds set_schema()

    @contextmanager
    def opened(target: str) -> Iterator[BaseDatabaseWrapper]:
        connection.set_schema(target)
        yield connection

    try:
        yield opened
    finally:
        connection.set_schema_to_public()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock_all()")


@contextmanager
def opened_template() -> Iterator[tuple[str, BaseDatabaseWrapper]]:
    """Open the template; yield its name and the connection."""
    with target_opener() as opened, opened(TEMPLATE) as connection:
        yield TEMPLATE, connection


def schema_in(target: str) -> str:
    """Return the schema of the target's tables, which is the target itself."""
    return target


def fingerprints() -> dict[str, str | None]:
    """Return the tenants' schemas with the hashes of their applied migrations.

    It runs a few queries with qualified names, since Django's introspection would take a tenth of a
    second per schema.
    """
    found: dict[str, str | None] = {}
    with connections[OWNER].cursor() as cursor:
        cursor.execute(_FINGERPRINT_IN)
        cursor.execute("SELECT nspname FROM pg_namespace WHERE nspname ~ %s ORDER BY 1", [PATTERN])
        for names in batched([name for (name,) in cursor.fetchall()], BATCH):
            each = "SELECT name, pg_temp.fingerprint_in(name) FROM unnest(%s::text[]) AS name"
            cursor.execute(each, [list(names)])
            found |= dict(cursor.fetchall())
    return found


# A temporary function of the session. A UNION of as many queries would take ten times as long,
# nearly all of it for planning.
_FINGERPRINT_IN = f"""
CREATE OR REPLACE FUNCTION pg_temp.fingerprint_in(name text, OUT hash text) AS $function$
BEGIN
    IF to_regclass(name || '.django_migrations') IS NOT NULL THEN
        EXECUTE format($sql${FINGERPRINT.format("%I.")}$sql$, name) INTO hash;
    END IF;
END $function$ LANGUAGE plpgsql
"""
