"""The invariants, and the tenant that the database sees."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections

from apps.isolation import ledger
from apps.isolation.app_registry import SHARED_DB, tables
from apps.isolation.context import ActiveTenant, activate_tenant
from apps.isolation.postgresql.invariants import (
    MISPLACED,
    POWERS,
    Invariant,
    Invariants,
    in_clauses,
    misplaced_tables,
    runtime_role_powers,
    security_definer_functions,
    select_powers,
    select_violations,
)
from apps.isolation.strategy.content_types import TABLE, shared_types
from apps.isolation.strategy.naming import PATTERN, physical_name, tenant_of
from apps.isolation.strategy.provisioning import (
    group_name,
    shared_database_name,
    template_name,
    tenant_databases,
)


def invariants(sample: Sequence[str] | None = None) -> Invariants:
    """Return the invariants by name, checked in the databases of all tenants or of ``targets``."""
    return {
        "the run-time role has no powers": runtime_role_powers(),
        "tenants' roles have no powers": in_clauses(POWERS, partial(_powers_of_tenants, sample)),
        "no role connects to another's database": in_clauses(_CONNECTIONS, _connections_to_others),
        "each table is in its own database": in_both(
            in_clauses(MISPLACED, _misplaced_tables),
            in_clauses(MISPLACED, partial(_misplaced_tables_of_tenants, sample)),
        ),
        "content types are the same everywhere": in_clauses(
            _CONTENT_TYPES, partial(_other_content_types, sample)
        ),
        "functions run with their caller's rights": in_both(
            _functions(security_definer_functions),
            _functions(partial(_in_each_tenant, sample, security_definer_functions)),
        ),
    }


def connection_identity() -> tuple[str, UUID | None]:
    """Return the role and the tenant of the run-time connection, according to the database."""
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("SELECT current_user, current_database()")
        role, database = cursor.fetchone() or ("", "")
    at_home = role == database and re.fullmatch(PATTERN, database)
    return role, tenant_of(database).id if at_home else None


def count_unmigrated(tenants: Mapping[UUID, datetime]) -> int:
    """Count the tenants with unapplied migrations, given their ids and creation times."""
    return ledger.count_unmigrated({physical_name(pk): made for pk, made in tenants.items()})


def sample_tenant() -> ActiveTenant | None:
    """Return a tenant for which preflight checks can send statements.

    It is a tenant with a database, or None if there is none yet.
    """
    return next(map(tenant_of, tenant_targets()), None)


def in_both(shared: Invariant, tenants: Invariant) -> Invariant:
    """Combine an invariant of the shared database with the one of tenants' databases."""
    clauses = {f"shared data: {name}": check for name, check in shared.clauses.items()}
    clauses |= {f"tenants: {name}": check for name, check in tenants.clauses.items()}
    return Invariant(clauses, lambda: [*shared(), *tenants()])


def _functions(check: Callable[[], list[str]]) -> Invariant:
    return Invariant({"functions": check}, check)


def _powers_of_tenants(sample: Sequence[str] | None, query: str) -> list[str]:
    wanted = f"is a member of {group_name()}"
    found = _in_each_tenant(sample, lambda alias: select_powers(query, alias=alias))
    return [finding for finding in found if not finding.endswith(wanted)]


def _connections_to_others(query: str) -> list[str]:
    tenants, shared = tenant_targets(), shared_database_name()
    return select_violations(
        query,
        roles=["public", connections[SHARED_DB].settings_dict["USER"], *tenants],
        homes=["", shared, *tenants],
        databases=[shared, template_name(), *tenants],
    )


def _misplaced_tables(query: str) -> list[str]:
    places = [("^public$", tables(of_tenants=False))]
    return misplaced_tables(query, places, with_partitions=True)


def _misplaced_tables_of_tenants(sample: Sequence[str] | None, query: str) -> list[str]:
    places = [("^public$", [*tables(of_tenants=True), TABLE])]
    ask = partial(misplaced_tables, query, places, with_partitions=True)
    return _in_each_tenant(sample, ask)


def _other_content_types(sample: Sequence[str] | None, query: str) -> list[str]:
    ids, labels, models = (list(column) for column in zip(*shared_types(), strict=True))
    ask = partial(select_violations, query, ids=ids, labels=labels, models=models)
    return _in_each_tenant(sample, lambda alias: ask(alias=alias))


def _in_each_tenant(sample: Sequence[str] | None, ask: Callable[[str], list[str]]) -> list[str]:
    found = []
    for alias in tenant_targets() if sample is None else sample:
        with activate_tenant(tenant_of(alias)):
            found += [f"{alias} {finding}" for finding in ask(alias)]
    return found


def tenant_targets() -> list[str]:
    """Return the names of all tenants' databases, which are also the names of their roles."""
    with connections[SHARED_DB].cursor() as cursor:
        return tenant_databases(cursor)


# Nobody but its owner and its tenant may connect to most databases, and only the owner is a member
# of the tenant's role. So these queries check all roles only against the few other databases.
_CONNECTIONS = {
    name: f"""
SELECT format('%%s may connect to %%s', role, datname)
FROM pg_database JOIN unnest(%(roles)s::name[], %(homes)s::name[]) AS resident (role, home)
    ON datname <> home AND has_database_privilege(role, datname::text, 'CONNECT')
WHERE datname = ANY (%(databases)s) AND EXISTS (
    SELECT FROM aclexplode(coalesce(datacl, acldefault('d', datdba)))
    WHERE privilege_type = 'CONNECT' AND {condition})
"""
    for name, condition in {
        "roles that may connect": (
            "grantee <> ALL (ARRAY[datdba, to_regrole(quote_ident(datname))]) IS NOT FALSE"
        ),
        "members of roles that may connect": (
            "EXISTS (SELECT FROM pg_auth_members WHERE roleid = grantee AND member <> datdba)"
        ),
    }.items()
}

# Types that were made or deleted since the last migration are in one of the two only.
_CONTENT_TYPES = {
    "ids": f"""
SELECT format('knows %%s.%%s as content type %%s', c.app_label, c.model, c.id)
FROM public.{TABLE} c
JOIN unnest(%(ids)s::int[], %(labels)s::text[], %(models)s::text[]) AS s (id, app_label, model)
    ON (s.id = c.id) <> ((s.app_label, s.model) = (c.app_label, c.model))
""",
    "rights": f"""
SELECT 'may write content types'
WHERE has_table_privilege('public.{TABLE}', 'INSERT, UPDATE, DELETE')
""",
}
