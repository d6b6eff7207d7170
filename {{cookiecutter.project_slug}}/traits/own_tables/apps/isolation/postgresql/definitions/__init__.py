"""The statements that create all objects of schemas, to copy one and to compare many.

They are read from PostgreSQL's system tables. `find_uncopyable` names unsupported objects.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from heapq import heappop, heappush
from operator import itemgetter
from typing import Final

from django.db.backends.utils import CursorWrapper

from apps.isolation.exceptions import ProvisioningError
from apps.isolation.postgresql.definitions.finishing import FINISHING
from apps.isolation.postgresql.definitions.held import DEPENDENCIES, UNCOPYABLE, common
from apps.isolation.postgresql.definitions.objects import OBJECTS
from apps.isolation.postgresql.definitions.tables import ELEMENTS, TABLES

type Key = tuple[int, int]
"""Key of an object: the oid of its system table, and its own oid."""

FUNCTION: Final = 30
TABLE: Final = 40
"""The steps of functions and of tables."""

LAST: Final = 100
"""The first step whose statements need no sorting by dependencies."""


@dataclass(slots=True)
class Definition:
    """A statement; for a table, its elements are listed separately."""

    key: Key
    step: int
    name: str
    statement: str
    elements: list[str] = field(default_factory=list)

    def sql(self) -> str:
        """Return the whole statement."""
        statement = self.statement.strip().rstrip(";")
        return statement.replace("()", f"({', '.join(self.elements)})", 1)


def find_uncopyable(cursor: CursorWrapper) -> list[str]:
    """Describe the objects in the first schema of the search path that cannot be copied."""
    cursor.execute(f"WITH {common()} {UNCOPYABLE}")
    return [name for (name,) in cursor.fetchall()]


def definitions(cursor: CursorWrapper, schemas: Sequence[str]) -> dict[str, list[Definition]]:
    """Return the definitions of all objects in each schema, in any order.

    Names are not qualified if the search path finds them.
    """
    found: dict[str, list[Definition]] = {schema: [] for schema in schemas}
    tables: dict[Key, Definition] = {}
    parts = [*TABLES, *OBJECTS, *FINISHING]
    cursor.execute(_OF_SCHEMAS.format(common(schemas), " UNION ALL ".join(parts)))
    for schema, classid, oid, *rest in cursor.fetchall():
        definition = Definition((classid, oid), *rest)
        found[schema].append(definition)
        if definition.step == TABLE:
            tables[definition.key] = definition
    elements = " UNION ALL ".join(ELEMENTS)
    cursor.execute(f"WITH {common(schemas)} SELECT * FROM ({elements}) e ORDER BY 3")
    for classid, oid, _, element in cursor.fetchall():
        tables[classid, oid].elements.append(element)
    return found


# A partition's rows in pg_inherits depend on nothing, and the partition is in the schema.
_OF_SCHEMAS = """
WITH {}, made (classid, objid, step, name, statement) AS ({})
SELECT nspname::text, made.* FROM made
JOIN held h ON h.objid = made.objid AND h.classid = CASE made.classid
    WHEN 'pg_inherits'::regclass::int8 THEN 'pg_class'::regclass ELSE made.classid::oid END
JOIN schemas ON schemas.oid = h.schema
"""


def in_order(cursor: CursorWrapper, found: Iterable[Definition]) -> Iterator[Definition]:
    """Sort definitions by their dependencies.

    Raises `ProvisioningError` for circular dependencies.
    """
    objects = sorted(found, key=lambda each: (each.step, each.name))
    known = {each.key: each for each in objects if each.step < LAST}
    sorter = TopologicalSorter({key: set[Key]() for key in known})
    for key, needed in _needs(cursor, known.keys()):
        sorter.add(key, needed)
    try:
        sorter.prepare()
    except CycleError as error:
        names = " and ".join(sorted({known[key].name for key in error.args[1]}))
        raise ProvisioningError(
            f"{names} depend on each other, so none can be created first."
        ) from None
    yield from _by_step(sorter, known)
    yield from (each for each in objects if each.step >= LAST)


def _by_step(sorter: TopologicalSorter[Key], known: dict[Key, Definition]) -> Iterator[Definition]:
    ready: list[tuple[int, str, Key]] = []
    while sorter.is_active():
        for key in sorter.get_ready():
            heappush(ready, (known[key].step, known[key].name, key))
        *_, key = heappop(ready)
        yield known[key]
        sorter.done(key)


def _needs(cursor: CursorWrapper, known: Iterable[Key]) -> Iterator[tuple[Key, Key]]:
    """Yield pairs of definitions, of which the first needs the second.

    An object without its own definition, like a column's default, is a part of another one.
    """
    cursor.execute(f"WITH {common()} {DEPENDENCIES}")
    rows = cursor.fetchall()
    wholes: dict[Key, Key] = {key: key for key in known}
    # An index of a constraint is a part of the constraint, not of the table.
    by_kind = sorted(rows, key=itemgetter(4))
    parts = {row[:2]: row[2:4] for row in by_kind if row[4] and row[:2] not in wholes}

    def whole_of(key: Key) -> Key | None:
        while key not in wholes:
            if key not in parts:
                return None
            key = parts[key]
        return key

    for row in rows:
        one, other = whole_of(row[:2]), whole_of(row[2:4])
        if one and other and one != other:
            yield one, other
