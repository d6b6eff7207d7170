"""Emptying tables, for ``flush`` and for tests that cannot be rolled back."""

from django.db.backends.utils import CursorWrapper

# What migrations wrote, and what Django derives from the models: nobody's data.
KEPT = ("django_migrations", "django_content_type", "auth_permission")


def wipe_tables(cursor: CursorWrapper, *, schemas: str) -> None:
    """Empty all tables in the schemas that the regular expression matches, as their owner.

    By DELETE: unlike TRUNCATE it touches no table that merely refers to these, and is the faster
    of the two for the few rows of a test. By TRUNCATE where a trigger stands against DELETE. One
    message is one transaction, so order plays no part.
    """
    cursor.execute(
        """
        SELECT string_agg(
            CASE WHEN guarded THEN 'TRUNCATE ' ELSE 'DELETE FROM ' END || c.oid::regclass, ';')
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
            LATERAL (SELECT EXISTS (
                SELECT FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal)) t (guarded)
        WHERE c.relkind IN ('r', 'p') AND n.nspname ~ %s AND c.relname <> ALL (%s)
        """,
        [schemas, list(KEPT)],
    )
    if deletes := cursor.fetchone()[0]:
        cursor.execute(f"SET CONSTRAINTS ALL DEFERRED; {deletes}")
