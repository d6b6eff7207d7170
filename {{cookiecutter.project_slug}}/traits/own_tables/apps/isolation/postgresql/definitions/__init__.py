"""The statements that create all objects of a schema, to copy it and to compare it with others.

They are read from PostgreSQL's system tables. `find_uncopyable` names unsupported objects.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from heapq import heappop, heappush
from operator import itemgetter
from typing import Final

from django.db.backends.utils import CursorWrapper

from apps.isolation.exceptions import ProvisioningError
from apps.isolation.postgresql.definitions.finishing import FINISHING
from apps.isolation.postgresql.definitions.held import COMMON, DEPENDENCIES, UNCOPYABLE
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
    cursor.execute(f"WITH {COMMON} {UNCOPYABLE}")
    return [name for (name,) in cursor.fetchall()]


def definitions(cursor: CursorWrapper) -> list[Definition]:
    """Return the definitions of all objects in the first schema of the search path, in any order.

    Names are not qualified if the search path finds them.
    """
    cursor.execute(f"WITH {COMMON} {' UNION ALL '.join([*TABLES, *OBJECTS, *FINISHING])}")
    found = [Definition((classid, oid), *rest) for classid, oid, *rest in cursor.fetchall()]
    tables = {each.key: each for each in found if each.step == TABLE}
    cursor.execute(f"WITH {COMMON} SELECT * FROM ({' UNION ALL '.join(ELEMENTS)}) e ORDER BY 3")
    for classid, oid, _, element in cursor.fetchall():
        tables[classid, oid].elements.append(element)
    return found


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
    cursor.execute(f"WITH {COMMON} {DEPENDENCIES}")
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
