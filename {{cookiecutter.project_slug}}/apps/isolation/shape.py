"""What the tables of a tenant look like, in words that do not say where they are."""

from django.db.backends.base.base import BaseDatabaseWrapper

_PARTS = """
WITH spaces AS (
    SELECT oid, quote_ident(nspname) || '.' AS prefix
    FROM pg_namespace WHERE nspname = %s
)
SELECT replace(part, prefix, '') FROM (
    SELECT s.prefix, format('column %%s.%%s %%s%%s default %%s%%s%%s',
        c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
        CASE WHEN a.attnotnull THEN ' not null' END, pg_get_expr(d.adbin, d.adrelid),
        a.attidentity, a.attgenerated) AS part
    FROM spaces s JOIN pg_class c ON c.relnamespace = s.oid AND c.relkind IN ('r', 'p')
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    UNION ALL
    SELECT s.prefix, format('constraint %%s.%%s %%s',
        c.relname, k.conname, pg_get_constraintdef(k.oid))
    FROM spaces s JOIN pg_constraint k ON k.connamespace = s.oid AND k.contype <> 'n'
    JOIN pg_class c ON c.oid = k.conrelid
    UNION ALL
    SELECT s.prefix, pg_get_indexdef(c.oid)
    FROM spaces s JOIN pg_class c ON c.relnamespace = s.oid AND c.relkind IN ('i', 'I')
    UNION ALL
    SELECT s.prefix, format('%%s %%s', CASE c.relkind
        WHEN 'S' THEN 'sequence' WHEN 'v' THEN 'view' ELSE 'relation' END, c.relname)
    FROM spaces s JOIN pg_class c ON c.relnamespace = s.oid AND c.relkind NOT IN ('i', 'I', 't')
    UNION ALL
    SELECT s.prefix, format('function %%s', p.oid::regprocedure)
    FROM spaces s JOIN pg_proc p ON p.pronamespace = s.oid
    UNION ALL
    SELECT s.prefix, format('trigger %%s', pg_get_triggerdef(t.oid))
    FROM spaces s JOIN pg_class c ON c.relnamespace = s.oid
    JOIN pg_trigger t ON t.tgrelid = c.oid AND NOT t.tgisinternal
) AS parts
"""


def shape_of(connection: BaseDatabaseWrapper, schema: str) -> frozenset[str]:
    """Return a line for each part of a schema's tables.

    Columns with type and default, constraints, indexes, sequences, views, functions, triggers;
    two schemas that the same migrations made have the same lines.
    """
    with connection.cursor() as cursor:
        cursor.execute(_PARTS, [schema])
        return frozenset(part for (part,) in cursor.fetchall())
