"""Facts about the strategy for tests, and statements that violate its invariants."""

from collections.abc import Mapping
from typing import Final

from django.apps import apps

from apps.isolation.app_registry import is_tenant_model
from apps.isolation.postgresql.grants import runtime_role
from apps.isolation.postgresql.invariants import Breach
from apps.isolation.strategy.policies import POLICY, PREDICATE
from apps.isolation.strategy.protocol import Breaches

INAPPLICABLE: dict[str, str] = {}
"""Invariants of other strategies that this one does not need, with the reason."""

IDS_ARE_UNIQUE_AMONG_TENANTS = True
"""All tenants' rows are in the same tables, so no two of them have the same id."""

STATEMENTS_CARRY_THE_TENANT: Final = True
"""True if each message contains the tenant, and a pooler could split the message."""

PRESETS: Final = ["-c app.tenant=01234567-89ab-7def-8123-456789abcdef", "-c app.tenant=nobody"]
"""Connection options that would preset a tenant for every statement."""


def breaches() -> Breaches:
    """Return a breach for each clause of each invariant of this strategy alone."""
    return {
        **_breaches_of_policies(),
        "policies allow the tenant's rows only": _breaches_of_predicates(),
        **_breaches_of_tables(),
        **_breaches_of_objects(),
    }


def _breaches_of_policies() -> Breaches:
    table, policy = _a_policy()
    role = runtime_role()
    alter_table, alter = f"ALTER TABLE {table}", f"ALTER POLICY {policy} ON {table}"
    drop, create = f"DROP POLICY {policy} ON {table}", f"CREATE POLICY {policy} ON {table}"
    one = f"USING ({PREDICATE}) WITH CHECK ({PREDICATE})"
    repair = f"{drop}; {create} AS RESTRICTIVE TO {role} {one}"
    return {
        "policies are on every tenant table": {
            "row-level security is on": Breach(
                f"{alter_table} DISABLE ROW LEVEL SECURITY",
                f"{alter_table} ENABLE ROW LEVEL SECURITY",
            ),
            "a policy restricts": Breach(f"{drop}; {create} TO {role} {one}", repair),
            "it restricts every command": Breach(
                f"{drop}; {create} AS RESTRICTIVE FOR SELECT TO {role} USING ({PREDICATE})", repair
            ),
        },
        "policies are for the run-time role": {
            "the role": Breach(f"{alter} TO CURRENT_USER", f"{alter} TO {role}"),
        },
        "policies apply to owners too": {
            "forced": Breach(
                f"{alter_table} NO FORCE ROW LEVEL SECURITY",
                f"{alter_table} FORCE ROW LEVEL SECURITY",
            ),
        },
    }


def _breaches_of_predicates() -> Mapping[str, Breach]:
    table, policy = _a_policy()
    role = runtime_role()
    alter = f"ALTER POLICY {policy} ON {table}"
    more, undo = f"CREATE POLICY breach ON {table}", f"DROP POLICY breach ON {table}"
    return {
        "for one command": Breach(f"{more} FOR SELECT TO {role} USING (true)", undo),
        "for other roles": Breach(f"{more} USING (true)", undo),
        "the owner's, by a condition": Breach(
            f"ALTER POLICY {POLICY}_owner ON {table} USING (false)",
            f"ALTER POLICY {POLICY}_owner ON {table} USING (true)",
        ),
        "permissive, by another condition": Breach(
            f"{more} TO {role} USING (true) WITH CHECK ({PREDICATE})", undo
        ),
        "permissive, by another check": Breach(f"{more} TO {role} USING ({PREDICATE})", undo),
        "restrictive, for other roles": Breach(f"{alter} TO PUBLIC", f"{alter} TO {role}"),
        "restrictive, by another condition": Breach(
            f"{alter} USING ({PREDICATE} OR true)", f"{alter} USING ({PREDICATE})"
        ),
        "restrictive, by another check": Breach(
            f"{alter} WITH CHECK (true)", f"{alter} WITH CHECK ({PREDICATE})"
        ),
    }


def _breaches_of_tables() -> Breaches:
    table, _ = _a_policy()
    return {
        "every table is a model's": {
            "tables": Breach(f"CREATE TABLE breach () INHERITS ({table})", "DROP TABLE breach"),
            "partitioned tables": Breach(
                "CREATE TABLE breach (id uuid) PARTITION BY HASH (id)", "DROP TABLE breach"
            ),
        },
        "foreign keys between tenant tables include the tenant": {
            "foreign keys": Breach(
                f"ALTER TABLE {table} ADD COLUMN breach uuid REFERENCES {table}",
                f"ALTER TABLE {table} DROP COLUMN breach",
            ),
        },
        "values are unique within a tenant": {
            "unique indexes": Breach(
                f"CREATE UNIQUE INDEX breach ON {table} (id)", "DROP INDEX breach"
            ),
            "exclusions": Breach(
                f"ALTER TABLE {table} ADD CONSTRAINT breach EXCLUDE (id WITH =)",
                f"ALTER TABLE {table} DROP CONSTRAINT breach",
            ),
        },
    }


def _breaches_of_objects() -> Breaches:
    table, _ = _a_policy()
    read = "current_setting('app.tenant')"
    drop_function = "DROP FUNCTION breach"
    return {
        "views show the tenant's rows only": {
            "views": Breach(f"CREATE VIEW breach AS SELECT * FROM {table}", "DROP VIEW breach"),
            "materialised views": Breach(
                f"CREATE MATERIALIZED VIEW breach AS SELECT * FROM {table}",
                "DROP MATERIALIZED VIEW breach",
            ),
            "rules": Breach(
                f"CREATE RULE breach AS ON UPDATE TO {table} DO ALSO NOTHING",
                f"DROP RULE breach ON {table}",
            ),
        },
        "no immutable function depends on the tenant": {
            "of a text": Breach(
                "CREATE FUNCTION breach() RETURNS text IMMUTABLE LANGUAGE plpgsql "
                f"AS $$ BEGIN RETURN {read}; END $$",
                drop_function,
            ),
            "of statements": Breach(
                f"CREATE FUNCTION breach() RETURNS text IMMUTABLE RETURN {read}", drop_function
            ),
        },
    }


def _a_policy() -> tuple[str, str]:
    """Return the table and a policy of one tenant model."""
    model = next(model for model in apps.get_models() if is_tenant_model(model))
    return model._meta.db_table, POLICY
