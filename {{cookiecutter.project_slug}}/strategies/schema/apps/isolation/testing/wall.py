"""Questions to this wall, and ways to break it, for the tests of the wall."""

from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections

from apps.isolation.guards import findings
from apps.isolation.placement import tables
from apps.isolation.schemas import PATTERN, PUBLIC

INAPPLICABLE: dict[str, str] = {}
"""Guards that other walls have and this one needs none of, with the reason."""

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
    (schema, *_) = findings("SELECT nspname FROM pg_namespace WHERE nspname ~ %(p)s", p=PATTERN)
    table = tables(of_tenants=True)[0]
    database = connections[DEFAULT_DB_ALIAS].settings_dict["NAME"]
    return {
        "every table is a model's": (f"CREATE TABLE {PUBLIC}.hole ()", f"DROP TABLE {PUBLIC}.hole"),
        "tenant tables are in no other schema": (
            f"CREATE TABLE {PUBLIC}.{table} ()",
            f"DROP TABLE {PUBLIC}.{table}",
        ),
        "no other schema leads into a tenant's": (
            f"CREATE TABLE {PUBLIC}.hole (id uuid REFERENCES {schema}.{table})",
            f"DROP TABLE {PUBLIC}.hole",
        ),
        "views show nobody else's rows": (
            f"CREATE VIEW {PUBLIC}.hole AS SELECT * FROM {schema}.{table}",
            f"DROP VIEW {PUBLIC}.hole",
        ),
        "without a tenant the search path is public": (
            f'ALTER DATABASE "{database}" SET search_path = {schema}, {PUBLIC}',
            f'ALTER DATABASE "{database}" RESET search_path',
        ),
    }
