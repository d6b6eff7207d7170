"""The invariants, and the tenant that the database sees."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections

from apps.isolation import ledger
from apps.isolation.app_registry import tables
from apps.isolation.context import ActiveTenant
from apps.isolation.fields import new_id
from apps.isolation.postgresql.invariants import (
    MISPLACED,
    REACHED,
    Invariant,
    Invariants,
    in_clauses,
    misplaced_tables,
    runtime_role_powers,
    security_definer_functions,
    select_violations,
)
from apps.isolation.strategy.naming import PATTERN, PUBLIC, TEMPLATE, as_in_template, physical_name

NOBODYS_PATHS: Final = {PUBLIC, f'"$user", {PUBLIC}'}
"""Search paths without a tenant: the one in transactions, and PostgreSQL's default."""


def invariants() -> Invariants:
    """Return the invariants by name."""
    return {
        "the run-time role has no powers": runtime_role_powers(),
        "every table is a model's": in_clauses(MISPLACED, _tables_of_no_model),
        "tenant tables are in no other schema": in_clauses(_TABLES_ELSEWHERE, _tables_elsewhere),
        "no other schema refers to a tenant's": in_clauses(_PASSAGES, _of_tenants),
        "views show the tenant's rows only": in_clauses(_VIEWS, _of_tenants),
        "functions run with their caller's rights": Invariant(
            {"functions": _functions}, _functions
        ),
        "without a tenant the search path is public": in_clauses(_SEARCH_PATHS, is_cheap=True),
    }


def connection_identity() -> tuple[str, UUID | None]:
    """Return the role and the tenant of the run-time connection, according to the database.

    Raises ValueError for any other search path.
    """
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("SELECT current_user, current_setting('search_path')")
        role, path = cursor.fetchone() or ("", "")
    if path in NOBODYS_PATHS:
        return role, None
    return role, UUID(path.removeprefix("t_").removesuffix(f", {PUBLIC}"))


def count_unmigrated(tenants: Mapping[UUID, datetime]) -> int:
    """Count the tenants with unapplied migrations, given their ids and creation times."""
    return ledger.count_unmigrated({physical_name(pk): made for pk, made in tenants.items()})


def sample_tenant() -> ActiveTenant:
    """Return a tenant for which preflight checks can send statements."""
    return ActiveTenant(new_id())


def _of_tenants(query: str) -> list[str]:
    return select_violations(query, tenants=PATTERN)


def _functions() -> list[str]:
    return security_definer_functions(listed_as=as_in_template)


def _tables_of_no_model(query: str) -> list[str]:
    tenants, shared = tables(of_tenants=True), tables(of_tenants=False)
    places = [(f"^{PUBLIC}$", shared), (PATTERN, tenants), (f"^{TEMPLATE}$", tenants)]
    return misplaced_tables(query, places, with_partitions=True, listed_as=as_in_template)


def _tables_elsewhere(query: str) -> list[str]:
    return select_violations(
        query, tables=tables(of_tenants=True), tenants=PATTERN, template=TEMPLATE
    )


# Tables that an unqualified name would find if the tenant's own table were missing.
_TABLES_ELSEWHERE = {
    name: f"""
SELECT format('%%s.%%s', n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname = ANY (%(tables)s) AND c.relkind IN ({kinds})
    AND n.nspname !~ %(tenants)s AND n.nspname <> %(template)s
"""
    for name, kinds in {
        "tables": "'r', 'f'",
        "partitioned tables": "'p'",
        "views": "'v'",
        "materialised views": "'m'",
    }.items()
}


def _passages(origins: str) -> str:
    """Return a query for references from another schema into a tenant's schema."""
    return f"""
SELECT format('%%s to %%s', origin::regclass, target::regclass)
FROM ({origins}) AS passages (origin, target)
    JOIN pg_class c ON c.oid = origin JOIN pg_class t ON t.oid = target
    JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE t.relnamespace <> c.relnamespace AND n.nspname ~ %(tenants)s
"""


_PASSAGES = {
    "foreign keys": _passages("SELECT conrelid, confrelid FROM pg_constraint WHERE contype = 'f'"),
    "defaults that count": _passages("""
    SELECT a.adrelid, d.refobjid
    FROM pg_attrdef a JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = a.oid
    WHERE d.refclassid = 'pg_class'::regclass"""),
}
_VIEWS = {
    "views and rules": f"""
SELECT DISTINCT format('%%s.%%s', n.nspname, c.relname)
FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
    JOIN pg_class t ON t.oid = d.refobjid AND d.refclassid = 'pg_class'::regclass
    JOIN pg_namespace place ON place.oid = t.relnamespace
WHERE {REACHED} AND t.relnamespace <> c.relnamespace AND place.nspname ~ %(tenants)s
"""
}
# Outside of tenants and transactions, a statement is sent without a search path. It then uses the
# server's default for new connections.
_SEARCH_PATHS = {
    "settings": r"""
SELECT setting FROM pg_db_role_setting s, unnest(s.setconfig) AS setting
WHERE setting ~ '^search_path=' AND setting !~ '^search_path=("\$user", *)?public$'
    AND s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
    AND s.setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = current_user))
"""
}
