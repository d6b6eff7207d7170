"""Adds tenants and policies to the tables of tenant apps, however they were created.

An app that knows nothing of tenants creates its tables as in any project. `converge` adds the
tenant's column and the policies, and adds the tenant to every unique constraint and foreign key.
It reads PostgreSQL's system tables and changes only what is missing, so it can run in every
migration and at the end of ``migrate``. Constraints keep their names for later migrations.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.apps import apps
from django.conf import settings
from django.db.backends.utils import CursorWrapper
from django.db.utils import ProgrammingError

from apps.isolation.postgresql.grants import runtime_role
from apps.isolation.postgresql.invariants import OURS
from apps.isolation.strategy.policies import AS_WRITTEN, POLICY, TENANT_SETTING, policies


class UnknownOwnerError(RuntimeError):
    """A table cannot become a tenant table, since it has rows without a tenant."""


def converge(cursor: CursorWrapper, names: Iterable[str], *, is_whole: bool = True) -> None:
    """Convert the named tables, and complete all existing tenant tables.

    ``is_whole`` means that foreign keys exist, which a migration creates last. Raises
    `UnknownOwnerError` for a table with rows without a tenant, and `ProgrammingError` if PostgreSQL
    cannot create a constraint with the tenant.
    """
    tables = _select(cursor, _TABLES, list(names))
    for table in _select(cursor, _WITHOUT_TENANT, tables):
        _add_tenant(cursor, table)
    for table in _select(cursor, _WITHOUT_POLICIES, tables):
        cursor.execute(policies(table, runtime_role()))
    keys = _keys(cursor, tables) if is_whole else []
    for drop, _ in keys:
        cursor.execute(drop)
    _execute_all(cursor, _UNIQUES, tables)
    if is_whole:
        _execute_all(cursor, _PRIMARY_KEYS, tables)
    _execute_all(cursor, _PAIRS, tables)
    for _, add in keys:
        cursor.execute(add)
    if is_whole:
        _execute_all(cursor, _OWNERS, tables)
        _execute_all(cursor, _VIEWS, tables)
        _execute_all(cursor, _PURGES, tables)


def _add_tenant(cursor: CursorWrapper, table: str) -> None:
    cursor.execute(f"SELECT EXISTS (SELECT FROM {table})")
    if cursor.fetchone() == (True,):
        message = (
            f"Table {table} cannot become a tenant table: it has rows without a tenant. Keep its "
            "app in SHARED_APPS, or save the rows, empty the table, migrate, and write them in "
            "their tenants, as docs/third-party-apps.md describes."
        )
        raise UnknownOwnerError(message)
    cursor.execute(f"ALTER TABLE {table} ADD COLUMN tenant_id uuid DEFAULT {TENANT_SETTING}")


def _execute_all(cursor: CursorWrapper, query: str, tables: list[str]) -> None:
    for statement in _select(cursor, query, tables):
        with explained(statement):
            cursor.execute(statement)


@contextmanager
def explained(statement: str) -> Iterator[None]:
    """Add to an error that an exclusion constraint with the tenant needs an extension."""
    try:
        yield
    except ProgrammingError as error:
        error.add_note(
            f"The failed statement adds the tenant to a constraint: {statement}. An exclusion "
            "constraint needs the extension btree_gist: run BtreeGistExtension() in an earlier "
            "migration."
        )
        raise


def _keys(cursor: CursorWrapper, tables: list[str]) -> list[tuple[str, str]]:
    """Return statements that recreate each foreign key that lacks the tenant."""
    cursor.execute(_FOREIGN_KEYS, _parameters(tables))
    return [(drop, add) for drop, add in cursor.fetchall()]


def _select(cursor: CursorWrapper, query: str, tables: list[str]) -> list[str]:
    cursor.execute(query, _parameters(tables))
    return [found for (found,) in cursor.fetchall()]


def _parameters(tables: list[str]) -> dict[str, Any]:
    return {
        "tables": tables,
        "role": runtime_role(),
        "tenants": apps.get_model(settings.TENANT_MODEL)._meta.db_table,
    }


_HERE: Final = "c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace"
_TABLES: Final = f"""
SELECT c.relname FROM pg_class c WHERE {_HERE} AND (c.relname = ANY (%(tables)s) OR EXISTS (
    SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = '{POLICY}'))
ORDER BY c.relname
"""
_GIVEN: Final = f"{_HERE} AND c.relname = ANY (%(tables)s)"
_WITHOUT_TENANT: Final = f"""
SELECT c.oid::regclass::text FROM pg_class c WHERE {_GIVEN} AND NOT EXISTS (
    SELECT FROM pg_attribute a
    WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped)
ORDER BY c.relname
"""
_WITHOUT_POLICIES: Final = f"""
SELECT c.oid::regclass::text FROM pg_class c, (SELECT to_regrole(%(role)s)::oid) r (role)
WHERE {_GIVEN} AND NOT (c.relrowsecurity AND c.relforcerowsecurity AND 3 = (
    SELECT count(*) FROM pg_policy p, pg_get_expr(p.polqual, p.polrelid) AS readable,
        pg_get_expr(p.polwithcheck, p.polrelid) AS writable
    WHERE p.polrelid = c.oid AND p.polcmd = '*' AND CASE p.polname
        WHEN '{POLICY}_owner' THEN p.polpermissive AND p.polroles = ARRAY[c.relowner]
            AND readable = 'true'
        WHEN '{POLICY}_all' THEN p.polpermissive AND p.polroles = ARRAY[role]
            AND readable = {AS_WRITTEN} AND writable = {AS_WRITTEN}
        WHEN '{POLICY}' THEN NOT p.polpermissive AND p.polroles = ARRAY[role]
            AND readable = {AS_WRITTEN} AND writable = {AS_WRITTEN}
        ELSE false END))
ORDER BY c.relname
"""
_LINKS: Final = f"""
    SELECT FROM pg_constraint link WHERE link.contype = 'f' AND link.conrelid = key.attrelid
        AND key.attnum = ANY (link.conkey) AND {{}} EXISTS (
            SELECT FROM pg_policy p WHERE p.polrelid = link.confrelid AND p.polname = '{POLICY}')
"""
SURROGATE: Final = f"""
    i.indisprimary AND i.indnkeyatts = 1 AND NOT EXISTS ({_LINKS.format("NOT")}) AND (
        key.atttypid = 'uuid'::regtype OR key.attidentity <> ''
        OR EXISTS (
            SELECT FROM pg_depend d WHERE d.refclassid = 'pg_class'::regclass
                AND d.refobjid = key.attrelid AND d.refobjsubid = key.attnum
                AND d.classid = 'pg_class'::regclass AND d.deptype = 'a'
                AND EXISTS (SELECT FROM pg_class s WHERE s.oid = d.objid AND s.relkind = 'S'))
        OR EXISTS ({_LINKS.format("")}))
"""
"""SQL condition for primary keys that two tenants never share: numbers, UUIDs, parents' keys.

It is false for a user's id, since a user may be in many tenants. The condition is on an index ``i``
whose first column is ``key``.
"""
_INDEX: Final = f"""
FROM pg_index i
    JOIN pg_class c ON c.oid = i.indrelid AND {_GIVEN}
    JOIN pg_attribute tenant ON tenant.attrelid = c.oid AND tenant.attname = 'tenant_id'
    LEFT JOIN pg_attribute key ON key.attrelid = c.oid AND key.attnum = i.indkey[0]
    LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')
WHERE (i.indisunique OR i.indisexclusion) AND tenant.attnum <> ALL (i.indkey::int2[])
"""
_WITH_TENANT: Final = """
CASE WHEN k.oid IS NULL THEN format('DROP INDEX %%s; %%s', i.indexrelid::regclass,
        regexp_replace(pg_get_indexdef(i.indexrelid),
            ' USING (\\w+) \\(', ' USING \\1 (tenant_id, '))
    ELSE format('ALTER TABLE %%1$s DROP CONSTRAINT %%2$I, ADD CONSTRAINT %%2$I %%3$s',
        c.oid::regclass, k.conname, regexp_replace(pg_get_constraintdef(k.oid), '\\(',
            CASE k.contype WHEN 'x' THEN '(tenant_id WITH =, ' ELSE '(tenant_id, ' END)) END
"""
_UNIQUES: Final = f"SELECT {_WITH_TENANT} {_INDEX} AND NOT i.indisprimary"
_PRIMARY_KEYS: Final = f"""
SELECT {_WITH_TENANT} {_INDEX} AND i.indisprimary AND NOT coalesce({SURROGATE}, false)
"""
# The indexes that foreign keys refer to, and that lists ordered by id use.
_PAIRS: Final = f"""
SELECT format('ALTER TABLE %%s ADD UNIQUE (tenant_id, %%I)', c.oid::regclass, key.attname)
FROM pg_class c
    JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary AND i.indnkeyatts = 1
    JOIN pg_attribute key ON key.attrelid = c.oid AND key.attnum = i.indkey[0]
    JOIN pg_attribute tenant ON tenant.attrelid = c.oid AND tenant.attname = 'tenant_id'
WHERE {_GIVEN} AND NOT EXISTS (
    SELECT FROM pg_index pair WHERE pair.indrelid = c.oid AND pair.indisunique
        AND pair.indimmediate AND pair.indpred IS NULL AND pair.indnkeyatts = 2
        AND pair.indkey[0] = tenant.attnum AND pair.indkey[1] = key.attnum)
"""
# The tenant comes last, since Django identifies a key by its first column.
_FOREIGN_KEYS: Final = f"""
SELECT format('ALTER TABLE %%s DROP CONSTRAINT %%I', c.oid::regclass, k.conname),
    format('ALTER TABLE %%s ADD CONSTRAINT %%I FOREIGN KEY (%%s, tenant_id) '
        'REFERENCES %%s (%%s, tenant_id)%%s DEFERRABLE INITIALLY DEFERRED',
        c.oid::regclass, k.conname, own.columns, k.confrelid::regclass, theirs.columns,
        CASE k.confdeltype WHEN 'c' THEN ' ON DELETE CASCADE' WHEN 'r' THEN ' ON DELETE RESTRICT'
            WHEN 'n' THEN format(' ON DELETE SET NULL (%%s)', own.columns)
            WHEN 'd' THEN format(' ON DELETE SET DEFAULT (%%s)', own.columns) ELSE '' END)
FROM pg_constraint k
    JOIN pg_class c ON c.oid = k.conrelid AND {_GIVEN}
    JOIN pg_class target ON target.oid = k.confrelid AND target.relname = ANY (%(tables)s)
        AND target.relnamespace = 'public'::regnamespace
    JOIN pg_attribute tenant ON tenant.attrelid = c.oid AND tenant.attname = 'tenant_id',
    LATERAL (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY place) FROM pg_attribute a
        JOIN unnest(k.conkey) WITH ORDINALITY AS each (attnum, place) USING (attnum)
        WHERE a.attrelid = c.oid) own (columns),
    LATERAL (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY place) FROM pg_attribute a
        JOIN unnest(k.confkey) WITH ORDINALITY AS each (attnum, place) USING (attnum)
        WHERE a.attrelid = target.oid) theirs (columns)
WHERE k.contype = 'f' AND tenant.attnum <> ALL (k.conkey)
"""
# An app may be migrated before the app with the tenant model.
_OWNERS: Final = f"""
SELECT format('ALTER TABLE %%s ADD FOREIGN KEY (tenant_id) REFERENCES %%s '
    'DEFERRABLE INITIALLY DEFERRED', c.oid::regclass, owners.oid::regclass)
FROM pg_class c
    JOIN pg_attribute tenant ON tenant.attrelid = c.oid AND tenant.attname = 'tenant_id',
    pg_class owners
WHERE {_GIVEN} AND owners.oid = to_regclass(quote_ident(%(tenants)s)) AND NOT EXISTS (
    SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'f'
        AND k.confrelid = owners.oid AND k.conkey = ARRAY[tenant.attnum])
"""
_VIEWS: Final = f"""
SELECT format('ALTER VIEW %%s SET (security_invoker = true)', c.oid::regclass)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'v' AND {OURS.format(oid="c.oid")} AND pg_has_role(c.relowner, 'USAGE')
    AND NOT EXISTS (SELECT FROM pg_options_to_table(c.reloptions)
        WHERE option_name = 'security_invoker' AND option_value::boolean)
"""
# Rows that a migration wrote without a tenant. The run-time role could never read them.
_PURGES: Final = f"""
SELECT format('DELETE FROM %%s WHERE tenant_id IS NULL', c.oid::regclass)
FROM pg_class c JOIN pg_attribute tenant ON tenant.attrelid = c.oid
    AND tenant.attname = 'tenant_id' AND NOT tenant.attnotnull
WHERE {_GIVEN}
"""
