"""What must hold of this wall in the database, and is asked of it."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections

from apps.isolation.context import ActiveTenant
from apps.isolation.guards import (
    OURS,
    REACHED,
    Guards,
    findings,
    functions_with_rights,
    powers_of_run_time_role,
    tables_out_of_place,
)
from apps.isolation.identifiers import new_id
from apps.isolation.placement import CATALOGUE, tables


def wall_guards() -> Guards:
    """Return the guards by name; each returns what it finds wrong."""
    return {
        "the run-time role has no powers": powers_of_run_time_role,
        "every table is a model's": _tables_of_no_model,
        "policies are on every tenant table": partial(_ask, _UNPOLICED),
        "policies are for the run-time role": partial(_ask, _UNPOLICED),
        "policies hold for owners too": partial(_ask, _UNFORCED),
        "no policy lets other rows through": partial(_ask, _OTHER_POLICIES),
        "keys between tenant tables take the tenant along": partial(_ask, _PLAIN_KEYS),
        "values are unique within a tenant": partial(_ask, _PLAIN_UNIQUES),
        "views show nobody else's rows": partial(findings, _VIEWS),
        "functions run with the rights of who calls": functions_with_rights,
        "no function keeps the tenant that it read": partial(findings, _IMMUTABLE_READERS),
    }


def who_is_asking() -> tuple[str, UUID | None]:
    """Return the role and the tenant of the run-time connection, as the database sees them.

    Raises ValueError if what it sees is no tenant's id.
    """
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("SELECT current_user, current_setting('app.tenant', true)")
        role, tenant = cursor.fetchone() or ("", "")
    return role, UUID(tenant) if tenant else None


def sample_tenant() -> ActiveTenant:
    """Return a tenant for which a statement can be sent to see whether it arrives: nobody."""
    return ActiveTenant(new_id())


def storage_problems(tenants: Iterable[UUID]) -> dict[UUID, list[str]]:
    """Return what is wrong with storages: nothing, since tenants' tables are the catalogue's."""
    return {}


def behind(tenants: Mapping[UUID, datetime]) -> int:
    """Count the tenants whose storage waits for migrations: none, for the same reason."""
    return 0


def _ask(query: str) -> list[str]:
    role = connections[CATALOGUE].settings_dict["USER"]
    return findings(query, tables=tables(of_tenants=True), role=role)


def _tables_of_no_model() -> list[str]:
    """Find the parts of a divided table too: who asks a part meets no policy of the whole."""
    models = [*tables(of_tenants=True), *tables(of_tenants=False)]
    return tables_out_of_place([("^public$", models)])


_UNPOLICED = """
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
# The one unique thing among all tenants is an id, which tells nothing: it is random.
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
