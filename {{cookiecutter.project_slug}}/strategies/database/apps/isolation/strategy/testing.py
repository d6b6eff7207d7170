"""Facts about the strategy for its tests, and statements that violate its invariants."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db.backends.utils import CursorWrapper

from apps.isolation.app_registry import tables
from apps.isolation.context import Identified
from apps.isolation.strategy.invariants import tenant_targets
from apps.isolation.strategy.naming import physical_name
from apps.isolation.strategy.targets import target_opener

INAPPLICABLE = {
    "views show nobody else's rows": "a view is in one database and can read no other",
}
"""Invariants of other strategies that this one does not need, with the reason."""

IDS_ARE_UNIQUE_AMONG_TENANTS = False
"""Each tenant has tables of its own, so rows of two tenants may have the same id."""

STATEMENTS_CARRY_THE_TENANT: Final = False
"""Whether the tenant is part of each message, which a pooler could split."""

PRESETS: Final[list[str]] = []
"""Options of a connection under which every statement would have a tenant."""


@contextmanager
def owner_cursor(tenant: Identified) -> Iterator[CursorWrapper]:
    """Open a cursor of the owner where the tenant's tables are."""
    with (
        target_opener() as opened,
        opened(physical_name(tenant.id)) as connection,
        connection.cursor() as cursor,
    ):
        yield cursor


def breaches() -> dict[str, tuple[str, str]]:
    """Return, for each invariant, statements that violate it and that undo the violation."""
    tenant, table = tenant_targets()[0], tables(of_tenants=True)[0]
    return {
        "tenants' roles have no powers": (
            f"ALTER ROLE {tenant} CREATEDB",
            f"ALTER ROLE {tenant} NOCREATEDB",
        ),
        "no role connects to another's database": (
            f"GRANT CONNECT ON DATABASE {tenant} TO PUBLIC",
            f"REVOKE CONNECT ON DATABASE {tenant} FROM PUBLIC",
        ),
        "each table is in its own database": (
            f"CREATE TABLE public.{table} ()",
            f"DROP TABLE public.{table}",
        ),
    }
