"""Facts about the strategy for tests, and statements that violate its invariants."""

from typing import Final

from django.db import DEFAULT_DB_ALIAS, connections

from apps.isolation.app_registry import tables
from apps.isolation.postgresql.invariants import Breach, select_violations
from apps.isolation.strategy.naming import PATTERN, PUBLIC
from apps.isolation.strategy.protocol import Breaches

INAPPLICABLE: dict[str, str] = {}
"""Invariants of other strategies that this one does not need, with the reason."""

IDS_ARE_UNIQUE_AMONG_TENANTS = False
"""Tenants have their own tables, so rows of two tenants may have the same id."""

STATEMENTS_CARRY_THE_TENANT: Final = True
"""True if each message contains the tenant, and a pooler could split the message."""

PRESETS: Final = [
    "-c search_path=t_0123456789ab7def8123456789abcdef,public",
    "-c search_path=elsewhere",
]
"""Connection options that would preset a tenant for every statement."""


def breaches() -> Breaches:
    """Return a breach for each clause of each invariant of this strategy alone."""
    (schema, *_) = select_violations(
        "SELECT nspname FROM pg_namespace WHERE nspname ~ %(p)s", p=PATTERN
    )
    table = tables(of_tenants=True)[0]
    database = connections[DEFAULT_DB_ALIAS].settings_dict["NAME"]
    breach = f"{PUBLIC}.breach"
    return {
        "every table is a model's": {
            "tables": Breach(f"CREATE TABLE {breach} ()", f"DROP TABLE {breach}"),
            "partitioned tables": Breach(
                f"CREATE TABLE {breach} (id uuid) PARTITION BY HASH (id)", f"DROP TABLE {breach}"
            ),
        },
        "tenant tables are in no other schema": _misplaced(f"{PUBLIC}.{table}"),
        "no other schema refers to a tenant's": {
            "foreign keys": Breach(
                f"CREATE TABLE {breach} (id uuid REFERENCES {schema}.{table})",
                f"DROP TABLE {breach}",
            ),
            "defaults that count": Breach(
                f"CREATE SEQUENCE {schema}.breach;"
                f"CREATE TABLE {breach} (id int DEFAULT nextval('{schema}.breach'))",
                f"DROP TABLE {breach}; DROP SEQUENCE {schema}.breach",
            ),
        },
        "views show the tenant's rows only": {
            "views and rules": Breach(
                f"CREATE VIEW {breach} AS SELECT * FROM {schema}.{table}", f"DROP VIEW {breach}"
            ),
        },
        "without a tenant the search path is public": {
            "settings": Breach(
                f'ALTER DATABASE "{database}" SET search_path = {schema}, {PUBLIC}',
                f'ALTER DATABASE "{database}" RESET search_path',
            ),
        },
    }


def _misplaced(name: str) -> dict[str, Breach]:
    return {
        "tables": Breach(f"CREATE TABLE {name} ()", f"DROP TABLE {name}"),
        "partitioned tables": Breach(
            f"CREATE TABLE {name} (id uuid) PARTITION BY HASH (id)", f"DROP TABLE {name}"
        ),
        "views": Breach(f"CREATE VIEW {name} AS SELECT 1", f"DROP VIEW {name}"),
        "materialised views": Breach(
            f"CREATE MATERIALIZED VIEW {name} AS SELECT 1", f"DROP MATERIALIZED VIEW {name}"
        ),
    }
