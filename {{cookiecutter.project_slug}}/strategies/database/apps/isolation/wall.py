"""What must hold of this wall in PostgreSQL, and is asked of it."""

import re
from collections.abc import Callable, Sequence
from functools import partial
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections

from apps.isolation.context import ActiveTenant, activate
from apps.isolation.databases import PATTERN, tenant_of
from apps.isolation.guards import (
    Guards,
    findings,
    functions_with_rights,
    powers_of_run_time_role,
    tables_out_of_place,
)
from apps.isolation.placement import CATALOGUE, tables
from apps.isolation.provisioning import catalogue_name, group_name, template_name, tenant_databases
from apps.isolation.shape import behind, storage_problems

__all__ = ["behind", "fleet", "sample_tenant", "storage_problems", "wall_guards", "who_is_asking"]


def wall_guards(sample: Sequence[str] | None = None) -> Guards:
    """Return the guards by name, which look into the databases of all tenants, or of a sample."""
    return {
        "the run-time role has no powers": powers_of_run_time_role,
        "tenants' roles have no powers": partial(_powers_of_tenants, sample),
        "no role connects to another's database": _connections_to_others,
        "each table is on its side of the wall": partial(_misplaced_tables, sample),
        "functions run with the rights of who calls": partial(_functions_with_rights, sample),
    }


def who_is_asking() -> tuple[str, UUID | None]:
    """Return the role and the tenant of the run-time connection, as the database sees them."""
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("SELECT current_user, current_database()")
        role, database = cursor.fetchone() or ("", "")
    at_home = role == database and re.fullmatch(PATTERN, database)
    return role, tenant_of(database).id if at_home else None


def sample_tenant() -> ActiveTenant | None:
    """Return a tenant for which a statement can be sent to see whether it arrives.

    One whose database there is; None if there is none yet.
    """
    return next(map(tenant_of, fleet()), None)


def _powers_of_tenants(sample: Sequence[str] | None) -> list[str]:
    wanted = f"is a member of {group_name()}"
    found = _in_each_tenant(sample, powers_of_run_time_role)
    return [finding for finding in found if not finding.endswith(wanted)]


def _connections_to_others() -> list[str]:
    tenants, catalogue = fleet(), catalogue_name()
    return findings(
        _CONNECTIONS_TO_OTHERS,
        roles=["public", connections[CATALOGUE].settings_dict["USER"], *tenants],
        homes=["", catalogue, *tenants],
        databases=[catalogue, template_name(), *tenants],
    )


def _misplaced_tables(sample: Sequence[str] | None) -> list[str]:
    of_catalogue = [("^public$", tables(of_tenants=False))]
    of_tenants = [("^public$", tables(of_tenants=True))]
    found = _in_each_tenant(sample, partial(tables_out_of_place, of_tenants))
    return [*tables_out_of_place(of_catalogue), *found]


def _functions_with_rights(sample: Sequence[str] | None) -> list[str]:
    return [*functions_with_rights(), *_in_each_tenant(sample, functions_with_rights)]


def _in_each_tenant(sample: Sequence[str] | None, ask: Callable[[str], list[str]]) -> list[str]:
    found = []
    for alias in fleet() if sample is None else sample:
        with activate(tenant_of(alias)):
            found += [f"{alias} {finding}" for finding in ask(alias)]
    return found


def fleet() -> list[str]:
    """Return the names of all tenants' databases, which are their roles' too."""
    with connections[CATALOGUE].cursor() as cursor:
        return tenant_databases(cursor)


# Nobody gets into a database that lets in its owner and its tenant only, with no members but the
# owner; so each role is asked about the others, which are few, and not about each of a thousand.
_CONNECTIONS_TO_OTHERS = """
SELECT format('%%s may connect to %%s', role, datname)
FROM pg_database JOIN unnest(%(roles)s::name[], %(homes)s::name[]) AS resident (role, home)
    ON datname <> home AND has_database_privilege(role, datname::text, 'CONNECT')
WHERE datname = ANY (%(databases)s) AND EXISTS (
    SELECT FROM aclexplode(coalesce(datacl, acldefault('d', datdba)))
    WHERE privilege_type = 'CONNECT' AND (
        grantee <> ALL (ARRAY[datdba, to_regrole(quote_ident(datname))]) IS NOT FALSE
        OR EXISTS (SELECT FROM pg_auth_members WHERE roleid = grantee AND member <> datdba)))
"""
