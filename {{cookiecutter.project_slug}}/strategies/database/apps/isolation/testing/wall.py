"""Ways to break this wall, for its tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from apps.isolation.context import Identified
from apps.isolation.placement import tables
from apps.isolation.storages import opener, storage_name
from apps.isolation.wall import fleet

INAPPLICABLE = {
    "views show nobody else's rows": "a view is in one database and can read no other",
}
"""Guards that other walls have and this one needs none of, with the reason."""

IDS_ARE_UNIQUE_AMONG_TENANTS = False
"""Each tenant has tables of its own, so rows of two tenants may have the same id."""

STATEMENTS_CARRY_THE_TENANT: Final = False
"""Whether the tenant is part of each message, which a pooler could take apart."""

PRESETS: Final[list[str]] = []
"""Options of a connection under which every statement would be somebody's."""


@contextmanager
def owner_cursor(tenant: Identified) -> Iterator[Any]:
    """Give a cursor of the owner, where the tenant's tables are."""
    with (
        opener() as opened,
        opened(storage_name(tenant.id)) as connection,
        connection.cursor() as cursor,
    ):
        yield cursor


def holes() -> dict[str, tuple[str, str]]:
    """Return, for each guard, the statements that make and mend the hole that it must find."""
    tenant, table = fleet()[0], tables(of_tenants=True)[0]
    return {
        "tenants' roles have no powers": (
            f"ALTER ROLE {tenant} CREATEDB",
            f"ALTER ROLE {tenant} NOCREATEDB",
        ),
        "no role connects to another's database": (
            f"GRANT CONNECT ON DATABASE {tenant} TO PUBLIC",
            f"REVOKE CONNECT ON DATABASE {tenant} FROM PUBLIC",
        ),
        "each table is on its side of the wall": (
            f"CREATE TABLE public.{table} ()",
            f"DROP TABLE public.{table}",
        ),
    }
