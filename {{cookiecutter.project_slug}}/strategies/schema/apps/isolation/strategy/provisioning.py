"""Make, destroy and describe a tenant's schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import DEFAULT_DB_ALIAS, connections, transaction

from apps.isolation.app_registry import OWNER
from apps.isolation.exceptions import ProvisioningError
from apps.isolation.integrations.files import delete_files
from apps.isolation.postgresql.grants import runtime_role
from apps.isolation.postgresql.wiping import KEPT, wipe_tables
from apps.isolation.strategy.naming import PATTERN, PUBLIC, TEMPLATE, TEMPLATE_READY, physical_name
from apps.isolation.strategy.protocol import ProvisioningReport

if TYPE_CHECKING:
    from apps.isolation.context import Identified


def provision(tenant: Identified) -> None:
    """Make the tenant's schema, with all tables; do nothing if it is there.

    It is copied from the template schema in one message and one transaction, which takes a tenth
    of the migrations' time and is never half done. Raises `ProvisioningError` without a template.
    """
    schema = physical_name(tenant.id)
    connection = connections[OWNER]
    with transaction.atomic(using=OWNER), connection.cursor() as cursor:
        # Two processes that provision the same tenant take turns, and wait for migrate.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [schema])
        cursor.execute("SELECT pg_advisory_xact_lock_shared(hashtextextended(%s, 0))", [TEMPLATE])
        cursor.execute("SELECT to_regnamespace(%s) IS NOT NULL", [schema])
        if cursor.fetchone() == (True,):
            return
        replay = _replay_of_template()
        cursor.execute(
            f"CREATE SCHEMA {schema}; GRANT USAGE ON SCHEMA {schema} TO {runtime_role()};"
            f"SET LOCAL search_path = {schema}, {PUBLIC}; {replay};"
            f"REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {runtime_role()}"
        )


def deprovision(tenant: Identified) -> None:
    """Drop the tenant's schema, and its files; do nothing if they are gone."""
    with connections[OWNER].cursor() as cursor:
        cursor.execute(f"DROP SCHEMA IF EXISTS {physical_name(tenant.id)} CASCADE")
    delete_files(tenant)


def provisioning_report(tenant: Identified) -> ProvisioningReport:
    """Describe the tenant's schema."""
    schema = physical_name(tenant.id)
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(
            """
            SELECT to_regnamespace(%s) IS NOT NULL, count(c.oid),
                   coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint
            FROM pg_class c
            WHERE c.relnamespace = to_regnamespace(%s) AND c.relkind = 'r'
            """,
            [schema, schema],
        )
        exists, tables, size = cursor.fetchone() or (False, 0, 0)
    return ProvisioningReport(name=schema, exists=exists, tables=tables, size=size)


def wipe() -> None:
    """Delete all rows of the shared data and of every tenant."""
    with connections[OWNER].cursor() as cursor:
        wipe_tables(cursor, schemas=f"^{PUBLIC}$|{PATTERN}")


def _replay_of_template() -> str:
    """Return the statements that make the template's tables in another schema.

    Of its rows they copy those that say which migrations have been applied.

    They name no schema but the template's, so they build in whichever comes first in the search
    path. Keys come after tables, so that no order of tables is needed.
    """
    with connections[OWNER].cursor() as cursor:
        cursor.execute("SELECT obj_description(to_regnamespace(%s), 'pg_namespace')", [TEMPLATE])
        if cursor.fetchone() != (TEMPLATE_READY,):
            message = (
                f"There is no migrated schema {TEMPLATE} to copy: run manage.py migrate first."
            )
            raise ProvisioningError(message)
        cursor.execute(f"SET LOCAL search_path = {TEMPLATE}, {PUBLIC}")
        cursor.execute(_UNKNOWN_OBJECTS, [TEMPLATE])
        if unknown := [name for (name,) in cursor.fetchall()]:
            message = (
                f"Schema {TEMPLATE} holds what provisioning does not copy: {', '.join(unknown)}. "
                "Make it in the schema public, or outside of migrations."
            )
            raise ProvisioningError(message)
        cursor.execute(_REPLAY, {"template": TEMPLATE, "kept": list(KEPT)})
        return ";".join(statement for (statement,) in cursor.fetchall())


# Views, sequences that no column owns, functions, types and triggers.
_UNKNOWN_OBJECTS = """
WITH template AS (SELECT to_regnamespace(%s) AS oid)
SELECT c.relname FROM pg_class c, template t
WHERE c.relnamespace = t.oid AND (
    c.relkind IN ('v', 'm', 'f', 'p')
    OR c.relkind = 'S' AND NOT EXISTS (
        SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'i'))
UNION ALL
SELECT p.proname FROM pg_proc p, template t WHERE p.pronamespace = t.oid
UNION ALL
SELECT y.typname FROM pg_type y, template t
WHERE y.typnamespace = t.oid AND y.typtype IN ('e', 'd')
UNION ALL
SELECT g.tgname FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid, template t
WHERE c.relnamespace = t.oid AND NOT g.tgisinternal
"""

# One statement a row, in the order in which they must run. LIKE copies columns, defaults,
# identities and checks; keys and indexes are replayed by name, since LIKE would rename them and
# later migrations look for the names that they gave.
_REPLAY = """
WITH tables AS (
    SELECT oid, relname FROM pg_class
    WHERE relnamespace = to_regnamespace(%(template)s) AND relkind = 'r'
)
SELECT statement FROM (
    SELECT 1 AS step, relname AS name, format(
        'CREATE TABLE %%I (LIKE %%I.%%I INCLUDING ALL EXCLUDING INDEXES)',
        relname, %(template)s, relname) AS statement
    FROM tables
    UNION ALL
    SELECT 2, relname, format('INSERT INTO %%I (%%s) SELECT %%s FROM %%I.%%I',
        relname, columns, columns, %(template)s, relname)
    FROM tables, LATERAL (
        SELECT string_agg(quote_ident(attname), ', ') AS columns FROM pg_attribute
        WHERE attrelid = tables.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
    ) AS written
    WHERE relname = ANY (%(kept)s)
    UNION ALL
    SELECT 3, relname, format(
        'SELECT setval(pg_get_serial_sequence(%%L, %%L), (SELECT max(%%I) FROM %%I))',
        quote_ident(relname), a.attname, a.attname, relname)
    FROM tables JOIN pg_attribute a ON a.attrelid = tables.oid AND a.attidentity <> ''
    WHERE relname = ANY (%(kept)s)
    UNION ALL
    SELECT CASE k.contype WHEN 'f' THEN 6 ELSE 4 END, k.conname, format(
        'ALTER TABLE %%I ADD CONSTRAINT %%I %%s', relname, k.conname, pg_get_constraintdef(k.oid))
    FROM tables JOIN pg_constraint k ON k.conrelid = tables.oid
    WHERE k.contype IN ('p', 'u', 'x', 'f')
    UNION ALL
    SELECT 5, i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid, 0, true)
    FROM tables JOIN pg_index i ON i.indrelid = tables.oid
    WHERE NOT EXISTS (
        SELECT FROM pg_constraint k
        WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
) AS steps
ORDER BY step, name
"""
