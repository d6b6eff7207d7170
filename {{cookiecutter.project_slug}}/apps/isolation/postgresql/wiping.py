"""Empties tables, for ``flush`` and for tests that cannot be rolled back."""

from django.db.backends.utils import CursorWrapper

# Tables that Django fills from migrations and models.
KEPT = ("django_migrations", "django_content_type", "auth_permission")


def wipe_tables(cursor: CursorWrapper, *, schemas: str) -> None:
    """Empty all tables in the schemas that the regular expression matches, as their owner.

    It uses DELETE, which is faster than TRUNCATE for few rows and leaves referring tables alone. A
    table with a trigger on DELETE is truncated, or its trigger is disabled if foreign keys refer to
    it. All statements are one transaction with deferred constraints, so order does not matter.
    """
    cursor.execute(_STATEMENTS, [schemas, list(KEPT)])
    if statements := cursor.fetchone()[0]:
        cursor.execute(f"SET CONSTRAINTS ALL DEFERRED; {statements}")


# Triggers on DELETE (bit 8).
_MAY_REFUSE = "NOT tgisinternal AND tgtype & 8 <> 0"
_STATEMENTS = f"""
WITH wiped AS (
    SELECT c.oid, c.oid::regclass AS name, guarded, guarded AND EXISTS (
        SELECT FROM pg_constraint WHERE confrelid = c.oid AND contype = 'f') AS disarmed
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
        LATERAL (SELECT EXISTS (
            SELECT FROM pg_trigger WHERE tgrelid = c.oid AND {_MAY_REFUSE})) t (guarded)
    WHERE c.relkind IN ('r', 'p') AND n.nspname ~ %s AND c.relname <> ALL (%s)
)
SELECT string_agg(statement, ';' ORDER BY step) FROM (
    SELECT 2 AS step,
        CASE WHEN guarded AND NOT disarmed THEN 'TRUNCATE ' ELSE 'DELETE FROM ' END || name
            AS statement
    FROM wiped
    UNION ALL
    SELECT step, format('ALTER TABLE %%s %%s TRIGGER %%I', name, command, tgname)
    FROM wiped JOIN pg_trigger t ON tgrelid = wiped.oid, LATERAL (VALUES (1, 'DISABLE'), (4,
        CASE tgenabled WHEN 'A' THEN 'ENABLE ALWAYS' WHEN 'R' THEN 'ENABLE REPLICA'
            ELSE 'ENABLE' END)) AS around (step, command)
    WHERE disarmed AND tgenabled <> 'D' AND tgparentid = 0 AND {_MAY_REFUSE}
    UNION ALL
    -- A table with pending constraint checks cannot be altered.
    SELECT 3, 'SET CONSTRAINTS ALL IMMEDIATE' FROM wiped WHERE disarmed
) AS statements
"""
