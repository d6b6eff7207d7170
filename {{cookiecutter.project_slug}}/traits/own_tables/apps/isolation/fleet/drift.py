"""Schema drift: a tenant's tables differ from the template's."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db.backends.base.base import BaseDatabaseWrapper
from tqdm import tqdm

from apps.isolation.fleet.executor import fingerprint_of
from apps.isolation.strategy.naming import physical_name
from apps.isolation.strategy.targets import fingerprints, opened_template, schema_in, target_opener

SHOWN = 5
"""Differences of one tenant that are reported."""


@dataclass(frozen=True, slots=True)
class State:
    """A target's state: the hash of its applied migrations, and the parts of its tables."""

    fingerprint: str
    parts: frozenset[str]


def find_drift(tenants: Iterable[UUID]) -> dict[UUID, list[str]]:
    """Compare the tenants' tables with the template; return the differences by tenant."""
    names = {physical_name(tenant): tenant for tenant in tenants}
    states = dict(_states(list(names)))
    with opened_template() as (template, connection):
        template_state = _state(template, connection)
    found = {
        tenant: list(_differences(states.get(name), template_state))
        for name, tenant in names.items()
    }
    return {tenant: differences for tenant, differences in found.items() if differences}


def _states(wanted: list[str]) -> Iterator[tuple[str, State]]:
    existing = fingerprints()
    with target_opener() as opened:
        # Drawn on a terminal only.
        for target in tqdm(wanted, unit="tenant", leave=False, disable=None):
            if target in existing:
                with opened(target) as connection:
                    yield target, _state(target, connection)


def _state(target: str, connection: BaseDatabaseWrapper) -> State:
    return State(fingerprint_of(target, connection), parts_of(connection, schema_in(target)))


def _differences(state: State | None, template_state: State) -> Iterator[str]:
    if state is None:
        yield "its tables are missing: manage.py create_tenant makes them anew, without data"
        return
    if state.fingerprint != template_state.fingerprint:
        yield "other migrations are applied than to the template: manage.py migrate"
    drift = [f"lacks {part}" for part in template_state.parts - state.parts]
    drift += [f"has {part}" for part in state.parts - template_state.parts]
    yield from sorted(drift)[:SHOWN]
    if len(drift) > SHOWN:
        yield f"and {len(drift) - SHOWN} more"


# Casts and brackets, which PostgreSQL places differently after a restore from a backup.
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


def parts_of(connection: BaseDatabaseWrapper, schema: str) -> frozenset[str]:
    """Return a line for each part of a schema's tables.

    Columns with type and default, constraints, indexes, sequences, views, functions, triggers;
    two schemas that the same migrations made have the same lines.
    """
    with connection.cursor() as cursor:
        cursor.execute(_PARTS, {"schema": schema, "written": _WRITTEN})
        return frozenset(part for (part,) in cursor.fetchall())
