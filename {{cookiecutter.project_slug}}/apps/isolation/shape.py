"""What the tables of a tenant look like, in words that do not say where they are."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from tqdm import tqdm

from apps.isolation.fleet import fingerprint_of
from apps.isolation.head import FINGERPRINT
from apps.isolation.own_tables import latest_runs
from apps.isolation.placement import CATALOGUE
from apps.isolation.storages import fleet, opened_template, opener, schema_in, storage_name

SHOWN = 5
"""Differences of one tenant that are told."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was found in a storage: the hash of what is applied, and the parts of its tables."""

    fingerprint: str
    shape: frozenset[str]


def storage_problems(tenants: Iterable[UUID]) -> dict[UUID, list[str]]:
    """Compare the tenants' storages with the template; return what differs, by tenant."""
    names = {storage_name(tenant): tenant for tenant in tenants}
    looks = dict(_looks(list(names)))
    with opened_template() as (template, connection):
        head = _look(template, connection)
    found = {tenant: list(_problems(looks.get(name), head)) for name, tenant in names.items()}
    return {tenant: problems for tenant, problems in found.items() if problems}


def behind(tenants: Mapping[UUID, datetime]) -> int:
    """Count the tenants, given with when they were made, whose storage waits for migrations.

    By the ledger of ``migrate``: no storage is opened, so it may be asked every minute. What is
    not in the ledger is as the template was when the tenant was made.
    """
    with connections[CATALOGUE].cursor() as cursor:
        cursor.execute(f"SELECT ({FINGERPRINT.format('')}), max(applied) FROM django_migrations")
        ((head, migrated_at),) = cursor.fetchall()
    runs = latest_runs()

    def waits(tenant: UUID) -> bool:
        run = runs.get(storage_name(tenant))
        return run.after != head if run else bool(tenants[tenant] < migrated_at)

    return sum(map(waits, tenants))


def _looks(wanted: list[str]) -> Iterator[tuple[str, Look]]:
    there = fleet()
    with opener() as opened:
        # Drawn on a terminal only.
        for storage in tqdm(wanted, unit="tenant", leave=False, disable=None):
            if storage in there:
                with opened(storage) as connection:
                    yield storage, _look(storage, connection)


def _look(storage: str, connection: BaseDatabaseWrapper) -> Look:
    return Look(fingerprint_of(storage, connection), shape_of(connection, schema_in(storage)))


def _problems(look: Look | None, head: Look) -> Iterator[str]:
    if look is None:
        yield "its storage is missing: manage.py create_tenant makes it anew, without data"
        return
    if look.fingerprint != head.fingerprint:
        yield "other migrations are applied than to the template: manage.py migrate"
    drift = [f"lacks {part}" for part in head.shape - look.shape]
    drift += [f"has {part}" for part in look.shape - head.shape]
    yield from sorted(drift)[:SHOWN]
    if len(drift) > SHOWN:
        yield f"and {len(drift) - SHOWN} more"


# Casts and brackets, which PostgreSQL writes elsewhere once it has read what it wrote itself: so
# it is with a tenant that was restored from a backup.
_WRITTEN = r"::[a-z ]+(\[\])?|[()]"
_PARTS = """
WITH spaces AS (
    SELECT oid, quote_ident(nspname) || '.' AS prefix FROM pg_namespace WHERE nspname = %(schema)s)
SELECT replace(part, prefix, '') FROM (
    SELECT s.prefix, format('column %%s.%%s %%s%%s default %%s%%s%%s',
        c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
        CASE WHEN a.attnotnull THEN ' not null' END, pg_get_expr(d.adbin, d.adrelid),
        a.attidentity, a.attgenerated) AS part
    FROM spaces s JOIN pg_class c ON c.relnamespace = s.oid AND c.relkind IN ('r', 'p')
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    UNION ALL
    SELECT s.prefix, format('constraint %%s.%%s %%s',
        c.relname, k.conname, regexp_replace(pg_get_constraintdef(k.oid), %(written)s, '', 'g'))
    FROM spaces s JOIN pg_constraint k ON k.connamespace = s.oid AND k.contype <> 'n'
    JOIN pg_class c ON c.oid = k.conrelid
    UNION ALL
    SELECT s.prefix, regexp_replace(pg_get_indexdef(c.oid), %(written)s, '', 'g')
    FROM spaces s JOIN pg_class c ON c.relnamespace = s.oid AND c.relkind IN ('i', 'I')
    UNION ALL
    SELECT s.prefix, format('%%s %%s', CASE c.relkind
        WHEN 'S' THEN 'sequence' WHEN 'v' THEN 'view' ELSE 'relation' END, c.relname)
    FROM spaces s JOIN pg_class c ON c.relnamespace = s.oid AND c.relkind NOT IN ('i', 'I', 't')
    UNION ALL
    SELECT s.prefix, format('function %%s', p.oid::regprocedure)
    FROM spaces s JOIN pg_proc p ON p.pronamespace = s.oid
    UNION ALL
    SELECT s.prefix, format('trigger %%s', pg_get_triggerdef(t.oid))
    FROM spaces s JOIN pg_class c ON c.relnamespace = s.oid
    JOIN pg_trigger t ON t.tgrelid = c.oid AND NOT t.tgisinternal
) AS parts
"""


def shape_of(connection: BaseDatabaseWrapper, schema: str) -> frozenset[str]:
    """Return a line for each part of a schema's tables.

    Columns with type and default, constraints, indexes, sequences, views, functions, triggers;
    two schemas that the same migrations made have the same lines.
    """
    with connection.cursor() as cursor:
        cursor.execute(_PARTS, {"schema": schema, "written": _WRITTEN})
        return frozenset(part for (part,) in cursor.fetchall())
