"""Ranges of keys: the parts of a table that two installations compare, and send again."""

from collections.abc import Sequence
from itertools import pairwise

from django.db import connection

from apps.portability.documents import Key, Range, Ranges
from apps.portability.tables import Table

ROWS = 3000
"""Rows of a range."""


def condition(table: Table, ranges: Ranges) -> tuple[str, list[Key]]:
    """Return a condition on the rows ``t`` of a table, and its parameters."""
    if ranges is None:
        return "TRUE", []
    column = connection.ops.quote_name(table.ordered_key)
    parts, values = [], list[Key]()
    for ends in ranges:
        limits = [
            (sign, end) for sign, end in zip((">=", "<"), ends, strict=True) if end is not None
        ]
        type_ = table.type_of(table.ordered_key)
        parts.append(" AND ".join(f"t.{column} {sign} %s::{type_}" for sign, _ in limits) or "TRUE")
        values += [end for _, end in limits]
    return f"({' OR '.join(parts) or 'FALSE'})", values


def bounds_of(table: Table) -> list[Key]:
    """Return the keys that divide a table's rows into ranges of `ROWS` rows, in ascending order."""
    column = connection.ops.quote_name(table.ordered_key)
    query = (
        f"SELECT k::text FROM (SELECT {column} AS k, row_number() OVER (ORDER BY {column}) AS n "
        f"FROM {table.name}) AS numbered WHERE n %% %s = 0 ORDER BY numbered.k"
    )
    with connection.cursor() as cursor:
        cursor.execute(query, [ROWS])
        return [key for (key,) in cursor.fetchall()]


def ranges_between(bounds: Sequence[Key]) -> list[Range]:
    """Return the ranges that bounds divide all keys into."""
    return list(pairwise([None, *bounds, None]))
