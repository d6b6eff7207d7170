"""Schema drift: a tenant's tables differ from the template's."""

import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import batched
from uuid import UUID

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from tqdm import tqdm

from apps.isolation.fleet.executor import WORKERS
from apps.isolation.fleet.recording import fingerprint_of
from apps.isolation.postgresql.definitions import FUNCTION, Definition, definitions
from apps.isolation.strategy.naming import physical_name
from apps.isolation.strategy.targets import (
    COMPARED_AT_ONCE,
    fingerprints,
    opened_template,
    schema_in,
    target_opener,
)

SHOWN = 5
"""Maximum differences of a tenant to report."""

MISSING = "its tables are missing: manage.py create_tenant creates them without data"


@dataclass(frozen=True, slots=True)
class State:
    """A target's state: the hash of its applied migrations, and the parts of its tables."""

    fingerprint: str
    parts: frozenset[str]


def find_drift(tenants: Iterable[UUID], workers: int = WORKERS) -> dict[UUID, list[str]]:
    """Compare the tenants' tables with the template; return the differences by tenant.

    Tenants without differences are left out; the others keep their order. Each worker is a thread
    with one connection of the owner at a time.
    """
    names = {physical_name(tenant): tenant for tenant in tenants}
    with opened_template() as (template, connection):
        wanted = _states([template], connection)[template]
    existing = sorted(names.keys() & fingerprints().keys())
    found = {name: [MISSING] for name in names.keys() - set(existing)}
    batches = batched(existing, COMPARED_AT_ONCE)
    # Shown on a terminal only.
    progress = tqdm(total=len(existing), unit="tenant", leave=False, disable=None)
    with progress, ThreadPoolExecutor(max(1, workers)) as pool:
        for differing in pool.map(partial(_compare, wanted), batches):
            progress.update(len(differing))
            found |= {name: lines for name, lines in differing.items() if lines}
    return {tenant: found[name] for name, tenant in names.items() if name in found}


def _compare(wanted: State, targets: Sequence[str]) -> dict[str, list[str]]:
    """Return the differences of each target."""
    try:
        with target_opener() as opened, opened(targets[0]) as connection:
            states = _states(targets, connection)
    finally:
        connections.close_all()  # of this thread
    return {target: list(_differences(state, wanted)) for target, state in states.items()}


def _states(targets: Sequence[str], connection: BaseDatabaseWrapper) -> dict[str, State]:
    parts = parts_of(connection, [schema_in(target) for target in targets])
    return {
        target: State(fingerprint_of(target, connection), parts[schema_in(target)])
        for target in targets
    }


def _differences(state: State, template_state: State) -> Iterator[str]:
    if state.fingerprint != template_state.fingerprint:
        yield "its applied migrations differ from the template's: run manage.py migrate"
    drift = [f"lacks {part}" for part in template_state.parts - state.parts]
    drift += [f"has {part}" for part in state.parts - template_state.parts]
    yield from sorted(drift)[:SHOWN]
    if len(drift) > SHOWN:
        yield f"and {len(drift) - SHOWN} more"


# Casts and brackets, which PostgreSQL places differently after a restore from a backup, and names
# of NOT NULL constraints.
_WRITTEN = re.compile(r"::[a-z ]+(\[\])?|[()]|CONSTRAINT \S+ (?=NOT NULL)")


# All names are qualified, and `_line` removes the schema's own name. PostgreSQL expects one row of
# each schema's objects, so its nested loops would take a time that is quadratic in the schemas.
# Without them, PostgreSQL before 18 expects a large cost, and would compile each query for seconds.
_SETTINGS = """
SET LOCAL search_path = pg_catalog;
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;
"""


def parts_of(connection: BaseDatabaseWrapper, schemas: Sequence[str]) -> dict[str, frozenset[str]]:
    """Return a line for each part of each object, by schema.

    Schemas with the same migrations have the same lines.
    """
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute(_SETTINGS)
        found = definitions(cursor, schemas)
    return {
        schema: frozenset(part for definition in each for part in _parts(definition, schema))
        for schema, each in found.items()
    }


def _parts(definition: Definition, schema: str) -> Iterator[str]:
    yield _line(definition.statement, schema, is_code=definition.step == FUNCTION)
    for element in definition.elements:
        yield f"{definition.name}: {_line(element, schema)}"


def _line(text: str, schema: str, *, is_code: bool = False) -> str:
    plain = text.replace(f"{schema}.", "").replace(f"'{schema}'", "")
    return " ".join((plain if is_code else _WRITTEN.sub("", plain)).split())
