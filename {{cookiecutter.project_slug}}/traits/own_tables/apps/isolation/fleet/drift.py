"""Schema drift: a tenant's tables differ from the template's."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from tqdm import tqdm

from apps.isolation.fleet.recording import fingerprint_of
from apps.isolation.postgresql.definitions import FUNCTION, Definition, definitions
from apps.isolation.strategy.naming import physical_name
from apps.isolation.strategy.targets import fingerprints, opened_template, schema_in, target_opener

SHOWN = 5
"""Maximum differences of a tenant to report."""


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
        # Shown on a terminal only.
        for target in tqdm(wanted, unit="tenant", leave=False, disable=None):
            if target in existing:
                with opened(target) as connection:
                    yield target, _state(target, connection)


def _state(target: str, connection: BaseDatabaseWrapper) -> State:
    return State(fingerprint_of(target, connection), parts_of(connection, schema_in(target)))


def _differences(state: State | None, template_state: State) -> Iterator[str]:
    if state is None:
        yield "its tables are missing: manage.py create_tenant creates them without data"
        return
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


def parts_of(connection: BaseDatabaseWrapper, schema: str) -> frozenset[str]:
    """Return a line for each part of each object in a schema.

    Schemas with the same migrations have the same lines.
    """
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL search_path = {schema}, public")
        found = definitions(cursor)
    return frozenset(part for each in found for part in _parts(each, schema))


def _parts(definition: Definition, schema: str) -> Iterator[str]:
    yield _line(definition.statement, schema, is_code=definition.step == FUNCTION)
    for element in definition.elements:
        yield f"{definition.name}: {_line(element, schema)}"


def _line(text: str, schema: str, *, is_code: bool = False) -> str:
    plain = text.replace(f"{schema}.", "").replace(f"'{schema}'", "")
    return " ".join((plain if is_code else _WRITTEN.sub("", plain)).split())
