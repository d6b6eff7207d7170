"""The invariants, and the tenant that the database sees."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections

from apps.isolation.app_registry import SHARED_DB, tables
from apps.isolation.context import ActiveTenant
from apps.isolation.fields import new_id
from apps.isolation.migration_state import is_fully_migrated
from apps.isolation.postgresql.invariants import (
    MISPLACED,
    OURS,
    REACHED,
    Invariant,
    Invariants,
    in_clauses,
    misplaced_tables,
    runtime_role_powers,
    security_definer_functions,
    select_violations,
)
from apps.isolation.strategy.convergence import SURROGATE
from apps.isolation.strategy.policies import AS_WRITTEN


def invariants() -> Invariants:
    """Return the invariants by name."""
    return {
        "the run-time role has no powers": runtime_role_powers(),
        "every table is a model's": in_clauses(MISPLACED, _tables_of_no_model),
        "policies are on every tenant table": in_clauses(_POLICIES, _select, is_cheap=True),
        "policies are for the run-time role": in_clauses(_ROLES, _select, is_cheap=True),
        "policies apply to owners too": in_clauses(_FORCED, _select, is_cheap=True),
        "policies allow the tenant's rows only": in_clauses(_PREDICATES, _select, is_cheap=True),
        "foreign keys between tenant tables include the tenant": in_clauses(_KEYS, _select),
        "values are unique within a tenant": in_clauses(_UNIQUES, _select),
        "views show the tenant's rows only": in_clauses(_VIEWS),
        "functions run with their caller's rights": Invariant(
            {"functions": security_definer_functions}, security_definer_functions
        ),
        "no immutable function depends on the tenant": in_clauses(_IMMUTABLE_READERS),
    }


def connection_identity() -> tuple[str, UUID | None]:
    """Return the role and the tenant of the run-time connection, according to the database.

    Raises ValueError if the setting is not a tenant's id.
    """
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("SELECT current_user, current_setting('app.tenant', true)")
        role, tenant = cursor.fetchone() or ("", "")
    return role, UUID(tenant) if tenant else None


def sample_tenant() -> ActiveTenant:
    """Return a tenant for which preflight checks can send statements."""
    return ActiveTenant(new_id())


def count_unmigrated(tenants: Mapping[UUID, datetime]) -> int:
    """Count the tenants with unapplied migrations: all or none, since they share tables."""
    return 0 if is_fully_migrated(connections[SHARED_DB]) else len(tenants)


def _select(query: str) -> list[str]:
    role = connections[SHARED_DB].settings_dict["USER"]
    return select_violations(query, tables=tables(of_tenants=True), role=role)


def _tables_of_no_model(query: str) -> list[str]:
    """Find misplaced tables, and all partitions, whose policies are independent of the table's."""
    models = [*tables(of_tenants=True), *tables(of_tenants=False)]
    return misplaced_tables(query, [("^public$", models)])


_OF_TENANTS = "c.relname = ANY (%(tables)s) AND c.relkind IN ('r', 'p')"
_ROLE = "to_regrole(quote_ident(%(role)s))::oid"


def _without_policy(condition: str) -> str:
    """Return a query for tenant tables that lack a policy that meets the condition."""
    return f"""
SELECT c.relname FROM pg_class c WHERE {_OF_TENANTS} AND NOT EXISTS (
    SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND {condition})
"""


_POLICIES = {
    "row-level security is on": (
        f"SELECT c.relname FROM pg_class c WHERE {_OF_TENANTS} AND NOT c.relrowsecurity"
    ),
    "a policy restricts": _without_policy("NOT p.polpermissive"),
    "it restricts every command": _without_policy("NOT p.polpermissive AND p.polcmd = '*'"),
}
_ROLES = {
    "the role": _without_policy(
        f"NOT p.polpermissive AND p.polcmd = '*' AND {_ROLE} = ANY (p.polroles)"
    )
}
_FORCED = {
    "forced": (
        f"SELECT c.relname FROM pg_class c WHERE {_OF_TENANTS} AND NOT c.relforcerowsecurity"
    )
}


def _policies(condition: str) -> str:
    """Return a query for policies of tenant tables. Each has one of the owner, two of the role."""
    return f"""
SELECT format('%%s of %%s', p.polname, c.relname)
FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid,
    pg_get_expr(p.polqual, p.polrelid) AS readable,
    pg_get_expr(p.polwithcheck, p.polrelid) AS writable
WHERE c.relname = ANY (%(tables)s) AND {condition}
"""


_PREDICATES = {
    "for one command": _policies("p.polcmd <> '*'"),
    "for other roles": _policies(
        f"p.polpermissive AND p.polroles NOT IN (ARRAY[{_ROLE}], ARRAY[c.relowner])"
    ),
    "the owner's, by a condition": _policies(
        "p.polpermissive AND p.polroles = ARRAY[c.relowner] AND readable IS DISTINCT FROM 'true'"
    ),
    "permissive, by another condition": _policies(
        f"p.polpermissive AND p.polroles = ARRAY[{_ROLE}] "
        f"AND readable IS DISTINCT FROM {AS_WRITTEN}"
    ),
    "permissive, by another check": _policies(
        f"p.polpermissive AND p.polroles = ARRAY[{_ROLE}] "
        f"AND writable IS DISTINCT FROM {AS_WRITTEN}"
    ),
    "restrictive, for other roles": _policies(
        f"NOT p.polpermissive AND p.polroles <> ARRAY[{_ROLE}]"
    ),
    "restrictive, by another condition": _policies(
        f"NOT p.polpermissive AND readable IS DISTINCT FROM {AS_WRITTEN}"
    ),
    "restrictive, by another check": _policies(
        f"NOT p.polpermissive AND writable IS DISTINCT FROM {AS_WRITTEN}"
    ),
}
_KEYS = {
    "foreign keys": """
SELECT k.conname FROM pg_constraint k
    JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class target ON target.oid = k.confrelid
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
WHERE k.contype = 'f' AND c.relname = ANY (%(tables)s) AND target.relname = ANY (%(tables)s)
    AND a.attnum <> ALL (k.conkey)
"""
}
# Only a generated id may be unique across all tenants.
_UNIQUES = {
    name: f"""
SELECT i.indexrelid::regclass::text FROM pg_index i
    JOIN pg_class c ON c.oid = i.indrelid
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
    LEFT JOIN pg_attribute key ON key.attrelid = c.oid AND key.attnum = i.indkey[0]
WHERE {condition} AND c.relname = ANY (%(tables)s)
    AND a.attnum <> ALL (i.indkey::int2[])
    AND NOT coalesce({SURROGATE}, false)
"""
    for name, condition in {
        "unique indexes": "i.indisunique",
        "exclusions": "i.indisexclusion",
    }.items()
}
# Views read with their owner's rights unless they are security_invoker views; rules always do. A
# materialised view stores rows that it has read once.
_VIEWS = {
    name: f"""
SELECT DISTINCT format('%%s.%%s', n.nspname, c.relname)
FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
    JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {REACHED} AND {condition}
"""
    for name, condition in {
        "views": """c.relkind = 'v' AND NOT EXISTS (
    SELECT FROM pg_options_to_table(c.reloptions)
    WHERE option_name = 'security_invoker' AND option_value::boolean)""",
        "materialised views": "c.relkind = 'm'",
        "rules": "c.relkind NOT IN ('v', 'm')",
    }.items()
}
# PostgreSQL may reuse the result of an IMMUTABLE function for the next tenant.
_IMMUTABLE_READERS = {
    name: f"""
SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE p.provolatile = 'i' AND {OURS.format(oid="p.oid")} AND {text} ILIKE '%%current_setting%%'
"""
    for name, text in {
        "of a text": "p.prosrc",
        "of statements": "pg_get_function_sqlbody(p.oid)",
    }.items()
}
