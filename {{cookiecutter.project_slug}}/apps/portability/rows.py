"""Reads the rows of a table as JSON, in the order of their keys, without holding many of them."""

from collections.abc import Generator, Mapping
from contextlib import closing
from typing import Any

from django.db import connection, reset_queries

from apps.portability.documents import Layout, Ranges, TableSum
from apps.portability.progress import progress_bar
from apps.portability.ranges import condition
from apps.portability.sums import Sum, sum_of
from apps.portability.tables import NATIVE, Table, components
from apps.portability.writing import PART, ArchiveWriter, Row

MOST_ROWS = 2000
"""Rows that are fetched at a time, if they are short."""


def write_tables(
    writer: ArchiveWriter,
    tables: Mapping[str, Table],
    layout: Layout,
    source: Any = connection,
    ranges: Mapping[str, Ranges] | None = None,
) -> dict[str, TableSum]:
    """Write the rows of all tables into an archive, and return their sums.

    ``source`` is a connection in a transaction with one snapshot, and `sums.FORMATS` set.
    ``ranges`` limits the rows of the tables that it names.
    """
    wanted = ranges or {}
    ordered = [table for group in components(tables) for table in group]
    sums: dict[str, Sum] = {
        each.label: sum_of(each, layout[each.label], {}, source, wanted.get(each.label))
        for each in ordered
    }
    written = {}
    with progress_bar(sum(rows for rows, _ in sums.values()), "row") as advance:
        for table in ordered:
            parts = []
            # After an error too: the cursor must not be closed later, during another statement.
            own = wanted.get(table.label)
            with closing(rows_of(table, source, own)) as rows:
                for part in writer.add_rows(f"rows/{table.label}", rows):
                    parts.append(part)
                    advance(part.rows)
                    reset_queries()  # which Django keeps with DEBUG
            count, values = sums[table.label]
            written[table.label] = TableSum(rows=count, sums=values, parts=parts, ranges=own)
    return written


def rows_of(table: Table, source: Any = connection, ranges: Ranges = None) -> Generator[Row]:
    """Yield the rows of a table in the order of their keys."""
    quoted = source.ops.quote_name
    columns = ", ".join(_as_json(quoted(each.name), each.type) for each in table.columns)
    key = [f"t.{quoted(name)}" for name in table.key]
    types: Mapping[str, str] = {each.name: each.type for each in table.columns}
    values = ", ".join(_as_json(quoted(name), types[name]) for name in table.key)
    within, limits = condition(table, ranges)
    query = (
        f"SELECT row_to_json(r)::text, {values} FROM {table.name} AS t "
        f"CROSS JOIN LATERAL (SELECT {columns}) AS r WHERE {within} ORDER BY {', '.join(key)}"
    )
    with source.chunked_cursor() as cursor:
        cursor.execute(query, limits)
        count, longest = 1, 1
        while fetched := cursor.fetchmany(count):
            for text, *values_of_key in fetched:
                row = Row(text.encode(), values_of_key)
                longest = max(longest, len(row.text))
                yield row
            count = max(1, min(MOST_ROWS, PART // longest))


def _as_json(column: str, type_: str) -> str:
    return f"t.{column}" if type_ in NATIVE else f"t.{column}::text AS {column}"
