"""What must hold in the database, and who it believes is connected."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections

from apps.isolation.app_registry import SHARED_DB, tables
from apps.isolation.context import ActiveTenant
from apps.isolation.fields import new_id
from apps.isolation.migration_state import is_fully_migrated
from apps.isolation.postgresql.invariants import (
    OURS,
    REACHED,
    Invariants,
    misplaced_tables,
    runtime_role_powers,
    security_definer_functions,
    select_violations,
)


def invariants() -> Invariants:
    """Return the invariants by name."""
    return {
        "the run-time role has no powers": runtime_role_powers,
        "every table is a model's": _tables_of_no_model,
        "policies are on every tenant table": partial(_select, _WITHOUT_POLICIES),
        "policies are for the run-time role": partial(_select, _WITHOUT_POLICIES),
        "policies hold for owners too": partial(_select, _UNFORCED),
        "no policy lets other rows through": partial(_select, _OTHER_POLICIES),
        "keys between tenant tables take the tenant along": partial(_select, _PLAIN_KEYS),
        "values are unique within a tenant": partial(_select, _PLAIN_UNIQUES),
        "views show nobody else's rows": partial(select_violations, _VIEWS),
        "functions run with the rights of who calls": security_definer_functions,
        "no function keeps the tenant that it read": partial(select_violations, _IMMUTABLE_READERS),
    }


def connection_identity() -> tuple[str, UUID | None]:
    """Return the role and the tenant of the run-time connection, as the database sees them.

    Raises ValueError if what it sees is no tenant's id.
    """
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("SELECT current_user, current_setting('app.tenant', true)")
        role, tenant = cursor.fetchone() or ("", "")
    return role, UUID(tenant) if tenant else None


def sample_tenant() -> ActiveTenant:
    """Return a tenant for which a statement can be sent to see whether it arrives."""
    return ActiveTenant(new_id())


def count_unmigrated(tenants: Mapping[UUID, datetime]) -> int:
    """Count the tenants that wait for migrations: all or none, since they share their tables."""
    return 0 if is_fully_migrated(connections[SHARED_DB]) else len(tenants)


def _select(query: str) -> list[str]:
    role = connections[SHARED_DB].settings_dict["USER"]
    return select_violations(query, tables=tables(of_tenants=True), role=role)


def _tables_of_no_model() -> list[str]:
    """Find partitions of a table too: they have policies of their own, or none."""
    models = [*tables(of_tenants=True), *tables(of_tenants=False)]
    return misplaced_tables([("^public$", models)])


_WITHOUT_POLICIES = """
SELECT c.relname FROM pg_class c
WHERE c.relname = ANY (%(tables)s) AND c.relkind IN ('r', 'p')
    AND NOT (c.relrowsecurity AND EXISTS (
        SELECT FROM pg_policy p
        WHERE p.polrelid = c.oid AND NOT p.polpermissive AND p.polcmd = '*'
            AND to_regrole(quote_ident(%(role)s))::oid = ANY (p.polroles)))
"""
_UNFORCED = """
SELECT relname FROM pg_class
WHERE relname = ANY (%(tables)s) AND relkind IN ('r', 'p') AND NOT relforcerowsecurity
"""
# All tables have the same three policies: the owner's, and two of the run-time role.
_OTHER_POLICIES = """
SELECT format('%%s of %%s', p.polname, c.relname)
FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid,
    pg_get_expr(p.polqual, p.polrelid) AS readable,
    pg_get_expr(p.polwithcheck, p.polrelid) AS writable,
    to_regrole(quote_ident(%(role)s)) AS role
WHERE c.relname = ANY (%(tables)s) AND (p.polcmd <> '*' OR NOT CASE WHEN p.polpermissive
    THEN p.polroles IN (ARRAY[role::oid], ARRAY[c.relowner])
        AND readable = 'true' AND writable IS NULL
    ELSE p.polroles = ARRAY[role::oid] AND readable = writable
        AND readable = $$(tenant_id = ( SELECT $$
            || $$(NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif"))$$
    END)
"""
_PLAIN_KEYS = """
SELECT k.conname FROM pg_constraint k
    JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class target ON target.oid = k.confrelid
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
WHERE k.contype = 'f' AND c.relname = ANY (%(tables)s) AND target.relname = ANY (%(tables)s)
    AND a.attnum <> ALL (k.conkey)
"""
# Only an id may be unique among all tenants: it is random, and so tells nothing.
_PLAIN_UNIQUES = """
SELECT i.indexrelid::regclass::text FROM pg_index i
    JOIN pg_class c ON c.oid = i.indrelid
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
    JOIN pg_attribute first ON first.attrelid = i.indexrelid AND first.attnum = 1
WHERE (i.indisunique OR i.indisexclusion) AND c.relname = ANY (%(tables)s)
    AND a.attnum <> ALL (i.indkey::int2[])
    AND NOT (i.indisprimary AND i.indnatts = 1 AND first.atttypid = 'uuid'::regtype)
"""
# Views and rules read with their owner's rights, unless told otherwise, which a view can be; and
# a materialised view shows what it read once.
_VIEWS = f"""
SELECT DISTINCT format('%%s.%%s', n.nspname, c.relname)
FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
    JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {REACHED} AND NOT (c.relkind = 'v' AND EXISTS (
    SELECT FROM pg_options_to_table(c.reloptions)
    WHERE option_name = 'security_invoker' AND option_value::boolean))
"""
# What an IMMUTABLE function returned may be used again, for the next tenant.
_IMMUTABLE_READERS = f"""
SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE p.provolatile = 'i' AND {OURS.format(oid="p.oid")}
    AND concat(p.prosrc, pg_get_function_sqlbody(p.oid)) ILIKE '%%current_setting%%'
"""
