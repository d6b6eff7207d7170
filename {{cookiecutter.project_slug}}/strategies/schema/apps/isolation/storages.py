"""The schemas of all tenants, as ``migrate`` goes through them."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import batched
from typing import Any

from django.db import connections

from apps.isolation.head import FINGERPRINT
from apps.isolation.placement import OWNER
from apps.isolation.schemas import PATTERN, PUBLIC, TEMPLATE
from apps.isolation.schemas import schema_name as storage_name

__all__ = ["enter", "fleet", "opened_template", "opener", "schema_in", "storage_name"]

BATCH = 500
"""Schemas in one query, which locks a table in each."""


def enter(storage: str) -> str:
    """Return the statement that enters a schema until COMMIT."""
    return f"SET LOCAL search_path = {storage}, {PUBLIC};"


@contextmanager
def opener() -> Iterator[Callable[[str], AbstractContextManager[Any]]]:
    """Give a function that opens one schema after the other, over one connection of the owner.

    Its locks end as they would with a connection that ends.
    """
    connection: Any = connections[OWNER]  # this thread's own; django-tenants adds set_schema()

    @contextmanager
    def opened(storage: str) -> Iterator[Any]:
        connection.set_schema(storage)
        yield connection

    try:
        yield opened
    finally:
        connection.set_schema_to_public()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock_all()")


@contextmanager
def opened_template() -> Iterator[tuple[str, Any]]:
    """Open the template; give its name and the connection."""
    with opener() as opened, opened(TEMPLATE) as connection:
        yield TEMPLATE, connection


def schema_in(storage: str) -> str:
    """Return the name of the schema in which the storage's tables are: its own."""
    return storage


def fleet() -> dict[str, str | None]:
    """Return the tenants' schemas with the hashes of what is applied to them.

    Asked of PostgreSQL in few queries, by qualified names: the introspection of Django takes a
    tenth of a second for each of a thousand schemas.
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


# This session's own function. One UNION of as many queries takes ten times as long, nearly all of
# it to be planned.
_FINGERPRINT_IN = f"""
CREATE OR REPLACE FUNCTION pg_temp.fingerprint_in(name text, OUT hash text) AS $function$
BEGIN
    IF to_regclass(name || '.django_migrations') IS NOT NULL THEN
        EXECUTE format($sql${FINGERPRINT.format("%I.")}$sql$, name) INTO hash;
    END IF;
END $function$ LANGUAGE plpgsql
"""
