"""Questions to this wall, and ways to break it, for the tests of the wall."""

from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections

from apps.isolation.schemas import PUBLIC
from apps.isolation.wall import tenant_tables

IDS_ARE_UNIQUE_AMONG_TENANTS = False
"""Each tenant has tables of its own, so rows of two tenants may have the same id."""


def who_is_asking() -> tuple[str, UUID | None]:
    """Return the role and the tenant of the run-time connection, as the database sees them."""
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("SELECT current_user, current_schema()")
        role, schema = cursor.fetchone() or ("", "")
    return role, None if schema == PUBLIC else UUID(schema.removeprefix("t_"))


def holes() -> dict[str, tuple[str, str]]:
    """Return, for each guard, the statements that make and mend the hole that it must find."""
    stray = f"{PUBLIC}.{tenant_tables()[0]}"
    return {
        "tenant tables are in no other schema": (f"CREATE TABLE {stray} ()", f"DROP TABLE {stray}"),
    }
