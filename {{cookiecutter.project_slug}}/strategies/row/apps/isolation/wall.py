"""What must hold of this wall in the database, and is asked of it."""

from collections.abc import Callable
from functools import partial

from django.db import DEFAULT_DB_ALIAS, connections

from apps.isolation.guards import powers_of_run_time_role
from apps.isolation.provisioning import tenant_tables


def wall_guards() -> dict[str, Callable[[], list[str]]]:
    """Return the guards by name; each returns what it finds wrong."""
    return {
        "the run-time role has no powers": powers_of_run_time_role,
        "policies are on every tenant table": partial(_findings, _UNPOLICED),
        "policies are for the run-time role": partial(_findings, _UNPOLICED),
        "policies hold for owners too": partial(_findings, _UNFORCED),
        "no policy lets other rows through": partial(_findings, _LOOSE),
        "keys between tenant tables take the tenant along": partial(_findings, _PLAIN_KEYS),
        "values are unique within a tenant": partial(_findings, _PLAIN_UNIQUES),
    }


def _findings(query: str) -> list[str]:
    connection = connections[DEFAULT_DB_ALIAS]
    names = {"tables": tenant_tables(), "role": connection.settings_dict["USER"]}
    with connection.cursor() as cursor:
        cursor.execute(query, names)
        return [finding for (finding,) in cursor.fetchall()]


_UNPOLICED = """
SELECT c.relname FROM pg_class c
WHERE c.relname = ANY (%(tables)s) AND c.relkind = 'r'
    AND NOT (c.relrowsecurity AND EXISTS (
        SELECT FROM pg_policy p
        WHERE p.polrelid = c.oid AND NOT p.polpermissive AND p.polcmd = '*'
            AND to_regrole(quote_ident(%(role)s))::oid = ANY (p.polroles)))
"""
_UNFORCED = """
SELECT relname FROM pg_class
WHERE relname = ANY (%(tables)s) AND relkind = 'r' AND NOT relforcerowsecurity
"""
# The restrictive policies of all tables are one and the same, for reading and for writing.
_LOOSE = """
SELECT c.relname FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
WHERE c.relname = ANY (%(tables)s) AND NOT p.polpermissive AND (
    pg_get_expr(p.polqual, p.polrelid) IS DISTINCT FROM pg_get_expr(p.polwithcheck, p.polrelid)
    OR pg_get_expr(p.polqual, p.polrelid) NOT LIKE '(tenant_id = ( SELECT '
        '(NULLIF(current_setting(''app.tenant''::text, true), ''''::text))::uuid %%'
)
"""
_PLAIN_KEYS = """
SELECT k.conname FROM pg_constraint k
    JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class target ON target.oid = k.confrelid
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
WHERE k.contype = 'f' AND c.relname = ANY (%(tables)s) AND target.relname = ANY (%(tables)s)
    AND a.attnum <> ALL (k.conkey)
"""
# An id is unique among all tenants, and tells nothing: it is random.
_PLAIN_UNIQUES = """
SELECT i.indexrelid::regclass::text FROM pg_index i
    JOIN pg_class c ON c.oid = i.indrelid
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
WHERE i.indisunique AND NOT i.indisprimary AND c.relname = ANY (%(tables)s)
    AND a.attnum <> ALL (i.indkey::int2[])
"""
