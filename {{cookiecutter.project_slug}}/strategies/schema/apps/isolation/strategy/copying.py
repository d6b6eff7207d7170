"""The statements that copy the template schema.

``migrate`` generates them once and stores them as the comment on the template schema. Only the
owner can write the comment, and it disappears with the template. So provisioning a tenant need not
examine the template.
"""

import re
from collections.abc import Iterator
from typing import Final

from django.db.backends.utils import CursorWrapper

from apps.isolation.exceptions import ProvisioningError
from apps.isolation.postgresql.definitions import definitions, find_uncopyable, in_order
from apps.isolation.postgresql.wiping import KEPT
from apps.isolation.strategy.naming import COPY, PUBLIC, TEMPLATE

_OWN_NAME: Final = re.compile(rf"\b{TEMPLATE}\b")

# The body of a function may refer to an object that is created later.
_BEGIN: Final = "SET LOCAL check_function_bodies = off"


def require_copyable(cursor: CursorWrapper) -> None:
    """Raise `ProvisioningError` if a copy of the entered template would lack an object."""
    if found := find_uncopyable(cursor):
        raise ProvisioningError(
            f"Schema {TEMPLATE} has objects that a new tenant's schema would lack: "
            f"{', '.join(found)}. Create them in the schema {PUBLIC}, or use other kinds of "
            "objects; docs/copies.md lists them."
        )


def forget_copy(cursor: CursorWrapper) -> None:
    """Prevent copies of the template until `keep_copy`."""
    cursor.execute(f"COMMENT ON SCHEMA {TEMPLATE} IS NULL")


def keep_copy(cursor: CursorWrapper) -> None:
    """Generate the statements that copy the entered template, and store them."""
    require_copyable(cursor)
    cursor.execute(f"COMMENT ON SCHEMA {TEMPLATE} IS %s", [";\n".join(_statements(cursor))])


def copy_into(schema: str, cursor: CursorWrapper) -> str:
    """Return statements that copy the template into the first schema of a search path.

    Of the template's rows they copy only the record of applied migrations.
    """
    cursor.execute("SELECT obj_description(to_regnamespace(%s), 'pg_namespace')", [TEMPLATE])
    (statements,) = cursor.fetchone() or (None,)
    if statements is None:
        raise ProvisioningError(
            f"There is no migrated schema {TEMPLATE} to copy: run manage.py migrate first."
        )
    return str(statements).replace(COPY, schema)


def _statements(cursor: CursorWrapper) -> Iterator[str]:
    yield _BEGIN
    for each in in_order(cursor, definitions(cursor, [TEMPLATE])[TEMPLATE]):
        yield _OWN_NAME.sub(COPY, each.sql())
    yield from _sequence_states(cursor)
    cursor.execute(_ROWS, {"template": TEMPLATE, "kept": list(KEPT)})
    yield from (statement for (statement,) in cursor.fetchall())


def _sequence_states(cursor: CursorWrapper) -> Iterator[str]:
    """Yield statements that set sequences to the values that migrations have set.

    Skips sequences of columns that only counted the deleted rows of data migrations.
    """
    cursor.execute(_SEQUENCES, {"template": TEMPLATE})
    for name, start, is_owned in cursor.fetchall():
        cursor.execute(f"SELECT last_value, is_called FROM {name}")
        value, is_called = cursor.fetchone() or (start, False)
        if (value, is_called) != (start, False) and not (is_owned and is_called):
            yield f"SELECT setval('{name}', {value}, {is_called})"


_SEQUENCES = """
SELECT quote_ident(c.relname), q.seqstart, EXISTS (
    SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
        AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i'))
FROM pg_sequence q JOIN pg_class c ON c.oid = q.seqrelid
WHERE c.relnamespace = to_regnamespace(%(template)s) ORDER BY 1
"""

_ROWS = """
WITH tables AS (
    SELECT oid, relname FROM pg_class
    WHERE relnamespace = to_regnamespace(%(template)s) AND relkind = 'r'
        AND relname = ANY (%(kept)s)
)
SELECT statement FROM (
    SELECT 1 AS step, relname AS name, format('INSERT INTO %%I (%%s) SELECT %%s FROM %%I.%%I',
        relname, columns, columns, %(template)s::text, relname) AS statement
    FROM tables, LATERAL (
        SELECT string_agg(quote_ident(attname), ', ') AS columns FROM pg_attribute
        WHERE attrelid = tables.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
    ) AS written
    UNION ALL
    SELECT 2, relname, format(
        'SELECT setval(pg_get_serial_sequence(%%L, %%L), (SELECT max(%%I) FROM %%I))',
        quote_ident(relname), a.attname, a.attname, relname)
    FROM tables JOIN pg_attribute a ON a.attrelid = tables.oid AND a.attidentity <> ''
) AS steps
ORDER BY step, name
"""
