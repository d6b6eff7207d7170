"""Row-level security of tenant tables."""

from typing import Final

from django.db.backends.utils import CursorWrapper

TENANT_SETTING: Final = "NULLIF(current_setting('app.tenant', true), '')::uuid"
"""The active tenant's id; NULL without a tenant."""

PREDICATE: Final = f"tenant_id = (SELECT {TENANT_SETTING})"
"""SQL condition that is true for the active tenant's rows, and for no rows without a tenant.

PostgreSQL evaluates a sub-select once per query, not once per row.
"""

POLICY: Final = "tenant"
"""Name of the restrictive policy. It distinguishes tenant tables from others."""


def policies(table: str, role: str) -> str:
    """Return statements that limit ``role`` to the active tenant's rows.

    The owner has its own policy, without which its migrations would find the table empty; other
    roles see no rows. FORCE applies policies to the owner too. Both policies of ``role`` contain
    the predicate, so they also work where all policies are permissive, as in Citus.
    """
    one = f"TO {role} USING ({PREDICATE}) WITH CHECK ({PREDICATE})"
    return f"""
        ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
        ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
        DROP POLICY IF EXISTS {POLICY}_owner ON {table};
        DROP POLICY IF EXISTS {POLICY}_all ON {table};
        DROP POLICY IF EXISTS {POLICY} ON {table};
        CREATE POLICY {POLICY}_owner ON {table} TO CURRENT_USER USING (true);
        CREATE POLICY {POLICY}_all ON {table} {one};
        CREATE POLICY {POLICY} ON {table} AS RESTRICTIVE {one}
    """


def has_policies(cursor: CursorWrapper, table: str) -> bool:
    """Return whether a table has the policy of tenant tables."""
    cursor.execute(
        """
        SELECT EXISTS (
            SELECT FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
            WHERE p.polname = %s AND c.relname = %s AND pg_table_is_visible(c.oid))
        """,
        [POLICY, table],
    )
    (found,) = cursor.fetchone() or (False,)
    return bool(found)


AS_WRITTEN: Final = (
    "$$(tenant_id = ( SELECT $$ || "
    """$$(NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif"))$$"""
)
"""SQL expression for `PREDICATE` in the form in which PostgreSQL stores it."""
