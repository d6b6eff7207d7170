"""Facts about the strategy for tests, and statements that violate its invariants."""

from typing import Final

from apps.isolation.app_registry import tables
from apps.isolation.context import ActiveTenant
from apps.isolation.postgresql.breaches import breach_of_functions, breaches_of_powers
from apps.isolation.postgresql.invariants import Breach
from apps.isolation.strategy.content_types import TABLE
from apps.isolation.strategy.invariants import tenant_targets
from apps.isolation.strategy.naming import tenant_of
from apps.isolation.strategy.protocol import Breaches

INAPPLICABLE = {
    "views show the tenant's rows only": "a view is in one database and can read no other",
}
"""Invariants of other strategies that this one does not need, with the reason."""

IDS_ARE_UNIQUE_AMONG_TENANTS = False
"""Tenants have their own tables, so rows of two tenants may have the same id."""

STATEMENTS_CARRY_THE_TENANT: Final = False
"""True if each message contains the tenant, and a pooler could split the message."""

PRESETS: Final[list[str]] = []
"""Connection options that would preset a tenant for every statement."""


def breaches() -> Breaches:
    """Return a breach for each clause of each invariant of this strategy alone."""
    one, other, *_ = tenant_targets()
    tenant = tenant_of(one)
    shared_table, table = tables(of_tenants=False)[0], tables(of_tenants=True)[0]
    return {
        "tenants' roles have no powers": breaches_of_powers(one, table, tenant),
        "no role connects to another's database": {
            "roles that may connect": Breach(
                f"GRANT CONNECT ON DATABASE {one} TO PUBLIC",
                f"REVOKE CONNECT ON DATABASE {one} FROM PUBLIC",
            ),
            "members of roles that may connect": Breach(
                f"GRANT {one} TO {other}", f"REVOKE {one} FROM {other}"
            ),
        },
        "each table is in its own database": _misplaced(table) | _misplaced(shared_table, tenant),
        "content types are the same everywhere": {
            "ids": Breach(f"UPDATE {TABLE} SET id = -id", f"UPDATE {TABLE} SET id = -id", tenant),
            "rights": Breach(
                f"GRANT INSERT ON {TABLE} TO {one}", f"REVOKE INSERT ON {TABLE} FROM {one}", tenant
            ),
        },
        "functions run with their caller's rights": {
            "shared data: functions": breach_of_functions(),
            "tenants: functions": breach_of_functions(tenant),
        },
    }


def _misplaced(name: str, tenant: ActiveTenant | None = None) -> dict[str, Breach]:
    place = "tenants" if tenant else "shared data"
    drop = f"DROP TABLE public.{name}"
    return {
        f"{place}: tables": Breach(f"CREATE TABLE public.{name} ()", drop, tenant),
        f"{place}: partitioned tables": Breach(
            f"CREATE TABLE public.{name} (id uuid) PARTITION BY HASH (id)", drop, tenant
        ),
    }
