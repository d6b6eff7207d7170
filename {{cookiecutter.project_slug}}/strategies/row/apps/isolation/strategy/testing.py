"""Facts about the strategy for its tests, and statements that violate its invariants."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.apps import apps
from django.db import connections
from django.db.backends.utils import CursorWrapper

from apps.isolation.app_registry import OWNER, is_tenant_model
from apps.isolation.context import Identified
from apps.isolation.postgresql.grants import runtime_role
from apps.isolation.strategy.constraints import PREDICATE, RowLevelSecurity

INAPPLICABLE: dict[str, str] = {}
"""Invariants of other strategies that this one does not need, with the reason."""

IDS_ARE_UNIQUE_AMONG_TENANTS = True
"""All tenants' rows are in the same tables, so no two of them have the same id."""

STATEMENTS_CARRY_THE_TENANT: Final = True
"""Whether the tenant is part of each message, which a pooler could split."""

PRESETS: Final = ["-c app.tenant=01234567-89ab-7def-8123-456789abcdef", "-c app.tenant=nobody"]
"""Options of a connection under which every statement would have a tenant."""


@contextmanager
def owner_cursor(tenant: Identified) -> Iterator[CursorWrapper]:
    """Open a cursor of the owner where the tenant's tables are."""
    with connections[OWNER].cursor() as cursor:
        yield cursor


def breaches() -> dict[str, tuple[str, str]]:
    """Return, for each invariant, statements that violate it and that undo the violation."""
    return _breaches_of_policies() | _breaches_of_objects()


def _breaches_of_policies() -> dict[str, tuple[str, str]]:
    table, policy = _a_policy()
    alter_table, alter_policy = f"ALTER TABLE {table}", f"ALTER POLICY {policy} ON {table}"
    return {
        "policies are on every tenant table": (
            f"{alter_table} DISABLE ROW LEVEL SECURITY",
            f"{alter_table} ENABLE ROW LEVEL SECURITY",
        ),
        "policies are for the run-time role": (
            f"{alter_policy} TO CURRENT_USER",
            f"{alter_policy} TO {runtime_role()}",
        ),
        "policies hold for owners too": (
            f"{alter_table} NO FORCE ROW LEVEL SECURITY",
            f"{alter_table} FORCE ROW LEVEL SECURITY",
        ),
        "no policy lets other rows through": (
            f"{alter_policy} USING (true)",
            f"{alter_policy} USING ({PREDICATE})",
        ),
    }


def _breaches_of_objects() -> dict[str, tuple[str, str]]:
    table, _ = _a_policy()
    return {
        "every table is a model's": (
            f"CREATE TABLE breach () INHERITS ({table})",
            "DROP TABLE breach",
        ),
        "keys between tenant tables take the tenant along": (
            f"ALTER TABLE {table} ADD COLUMN breach uuid REFERENCES {table}",
            f"ALTER TABLE {table} DROP COLUMN breach",
        ),
        "values are unique within a tenant": (
            f"CREATE UNIQUE INDEX breach ON {table} (id)",
            "DROP INDEX breach",
        ),
        "views show nobody else's rows": (
            f"CREATE VIEW breach AS SELECT * FROM {table}",
            "DROP VIEW breach",
        ),
        "no function keeps the tenant that it read": (
            "CREATE FUNCTION breach() RETURNS text IMMUTABLE RETURN current_setting('app.tenant')",
            "DROP FUNCTION breach",
        ),
    }


def _a_policy() -> tuple[str, str]:
    """Return the table and the policy of one tenant model."""
    model = next(model for model in apps.get_models() if is_tenant_model(model))
    names = [c.name for c in model._meta.constraints if isinstance(c, RowLevelSecurity)]
    return model._meta.db_table, names[0]
