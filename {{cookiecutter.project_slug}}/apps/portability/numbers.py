"""Numbers of rows, where PostgreSQL counts keys up.

An archive's number may be another row's here, perhaps another tenant's. A number is free if the
sequence has not reached it. So either all numbers of a table are above the last one: they are drawn
from the sequence and kept. Or the rows get the next numbers of the sequence, in the same order.
"""

from array import array

from django.db import connection

from apps.portability.tables import Table

MOST_DRAWN = 10_000_000
"""Numbers that may be drawn for a table to keep its rows' own."""

BATCH = 10_000


def numbers_here(table: Table) -> "array[int]":
    """Return the numbers of a table's rows in ascending order."""
    found = array("q")
    column = connection.ops.quote_name(table.number)
    last: int | None = None
    while True:
        condition = "" if last is None else f"WHERE {column} > %s"
        values = [] if last is None else [last]
        query = f"SELECT {column} FROM {table.name} {condition} ORDER BY 1 LIMIT {BATCH}"
        with connection.cursor() as cursor:
            cursor.execute(query, values)
            found.extend(number for (number,) in cursor.fetchall())
        if not found or found[-1] == last:
            return found
        last = found[-1]


def numbers_for(table: Table, there: "array[int]") -> "array[int]":
    """Draw a number for each row from the table's sequence, and return them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", [table.name, table.number])
        (sequence,) = cursor.fetchone() or (None,)
    if not there or sequence is None or _keeps(sequence, there):
        return there
    drawn = array("q")
    while len(drawn) < len(there):
        drawn.extend(_draw(sequence, min(BATCH, len(there) - len(drawn))))
    return drawn


def _keeps(sequence: str, there: "array[int]") -> bool:
    """Draw the archive's numbers, if they are free; return whether this run got all of them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(pg_sequence_last_value(%s::regclass), 0)", [sequence])
        (last,) = cursor.fetchone() or (0,)
        count = there[-1] - last
        if there[0] <= last or count > MOST_DRAWN:
            return False
        query = (
            "SELECT min(n), max(n) FROM (SELECT nextval(%s::regclass) AS n "
            "FROM generate_series(1, %s)) AS drawn"
        )
        cursor.execute(query, [sequence, count])
        return bool(cursor.fetchone() == (last + 1, there[-1]))


def _draw(sequence: str, count: int) -> list[int]:
    query = "SELECT nextval(%s::regclass) FROM generate_series(1, %s)"
    with connection.cursor() as cursor:
        cursor.execute(query, [sequence, count])
        return [number for (number,) in cursor.fetchall()]
