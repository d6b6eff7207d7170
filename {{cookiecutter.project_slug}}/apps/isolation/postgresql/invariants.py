"""Invariants that hold in every strategy: each check returns its violations."""

from collections.abc import Callable, Iterable, Mapping

from django.conf import settings
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder

from apps.isolation.app_registry import SHARED_DB

type Invariants = Mapping[str, Callable[[], list[str]]]
"""Checks by the name of the invariant; each returns a phrase for each violation."""


def runtime_role_powers(alias: str = SHARED_DB) -> list[str]:
    """Return what the role of a connection may do beyond reading and writing rows."""
    return select_violations(_POWERS, alias=alias)


def security_definer_functions(alias: str = SHARED_DB) -> list[str]:
    """Return the functions that run with their owner's rights, and so bypass isolation.

    Those listed in ``SECURITY_DEFINER_FUNCTIONS`` have been reviewed and are left out.
    """
    reviewed = settings.SECURITY_DEFINER_FUNCTIONS
    return select_violations(_SECURITY_DEFINER_FUNCTIONS, alias=alias, reviewed=reviewed)


def misplaced_tables(
    places: Iterable[tuple[str, Iterable[str]]], alias: str = SHARED_DB
) -> list[str]:
    """Return the tables that the role can reach and that belong to no model or elsewhere.

    ``places`` are the schemas, by regular expression, with the tables that belong there.
    """
    migrations = MigrationRecorder.Migration._meta.db_table
    pairs = [(schema, table) for schema, tables in places for table in (*tables, migrations)]
    return select_violations(
        _MISPLACED,
        alias=alias,
        schemas=[schema for schema, _ in pairs],
        tables=[table for _, table in pairs],
    )


def select_violations(
    query: str, *, alias: str = SHARED_DB, **params: str | list[str]
) -> list[str]:
    """Run a query that selects one column of violations."""
    with connections[alias].cursor() as cursor:
        cursor.execute(query, params)
        return [found for (found,) in cursor.fetchall()]


_POWERS = """
SELECT attribute FROM pg_roles,
    LATERAL (VALUES ('is a superuser', rolsuper), ('bypasses policies', rolbypassrls),
                    ('creates roles', rolcreaterole), ('creates databases', rolcreatedb),
                    ('replicates', rolreplication)) AS attributes (attribute, holds)
WHERE rolname = current_user AND holds
UNION ALL
SELECT 'owns ' || c.oid::regclass FROM pg_class c
WHERE pg_has_role(c.relowner, 'USAGE') AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
UNION ALL
SELECT 'is a member of ' || r.rolname FROM pg_roles r
WHERE r.rolname <> current_user AND pg_has_role(r.oid, 'MEMBER')
UNION ALL
SELECT 'may create in schema ' || n.nspname FROM pg_namespace n
WHERE n.nspname !~ '^pg_' AND has_schema_privilege(n.oid, 'CREATE')
UNION ALL
SELECT 'may create schemas' WHERE has_database_privilege(current_database(), 'CREATE')
UNION ALL
SELECT 'may make temporary tables, which stay for whom the connection serves next'
WHERE has_database_privilege(current_database(), 'TEMPORARY')
UNION ALL
SELECT format('may %%s %%s', lower(privilege), c.oid::regclass)
FROM pg_class c, unnest(ARRAY['TRUNCATE', 'REFERENCES', 'TRIGGER']) AS privilege
WHERE c.relkind IN ('r', 'p') AND c.relnamespace NOT IN (
        'pg_catalog'::regnamespace, 'information_schema'::regnamespace)
    AND has_table_privilege(c.oid, privilege)
ORDER BY 1
"""

# Objects of an extension are left out.
OURS = """
    n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = {oid} AND d.deptype = 'e')
"""
REACHED = f"""
    {OURS.format(oid="c.oid")} AND has_schema_privilege(n.oid, 'USAGE')
    AND has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE')
"""
_SECURITY_DEFINER_FUNCTIONS = f"""
SELECT signature FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace,
    format('%%s.%%s(%%s)', nspname, proname, pg_get_function_identity_arguments(p.oid)) AS signature
WHERE p.prosecdef AND {OURS.format(oid="p.oid")} AND signature <> ALL (%(reviewed)s)
"""
_MISPLACED = f"""
SELECT format('%%s.%%s', n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'f') AND {REACHED} AND NOT EXISTS (
    SELECT FROM unnest(%(schemas)s::text[], %(tables)s::text[]) AS place (schema, name)
    WHERE c.relname = name AND n.nspname ~ schema)
"""
