"""Sums over the contents of a tenant's tables, computed by PostgreSQL."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction

from apps.isolation.integrations.limits import allow_long_statements
from apps.portability.documents import Key, Ranges
from apps.portability.keys import Maps
from apps.portability.ranges import condition
from apps.portability.tables import Table

FORMATS = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
}
"""Settings on which the text of a value depends."""

type Sum = tuple[int, tuple[str, str]]
"""The number of rows, and the sums of both halves of their hashes."""

NOTHING: Sum = (0, ("0", "0"))

_HALVES = [f"sum(('x' || {half}(h, 16))::bit(64)::bigint)" for half in ("left", "right")]
_SUM = ", ".join(["count(*)", *(f"coalesce({half}, 0)::text" for half in _HALVES)])


@contextmanager
def one_format(isolation: str = "") -> Iterator[None]:
    """Run a block in one transaction of the tenant, in which every value has one text.

    ``isolation`` is the transaction's mode, such as ``REPEATABLE READ, READ ONLY``.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        if isolation:
            cursor.execute(f"SET TRANSACTION ISOLATION LEVEL {isolation}")
        formats = [f"SET LOCAL {name} = '{value}'" for name, value in FORMATS.items()]
        cursor.execute("; ".join(formats))
        allow_long_statements()
        yield


def sum_of(
    table: Table,
    names: Iterable[str],
    maps: Maps,
    source: Any = connection,
    ranges: Ranges = None,
) -> Sum:
    """Return the sum of a table's columns, with the keys that the archive has for them.

    The sum does not depend on the order of rows. It finds mistakes; it is no protection against
    forgery.
    """
    hashes, values = _hashes(table, names, maps, source)
    within, keys = condition(table, ranges)
    with source.cursor() as cursor:
        cursor.execute(f"SELECT {_SUM} FROM ({hashes} WHERE {within}) AS hashes", [*values, *keys])
        rows, *sums = cursor.fetchone() or (0, "0", "0")
    return rows, (sums[0], sums[1])


def sums_between(
    table: Table, names: Iterable[str], maps: Maps, bounds: Sequence[Key]
) -> list[Sum]:
    """Return the sum of the rows before the first bound, between each two, and from the last on."""
    hashes, values = _hashes(table, names, maps, connection, table.ordered_key)
    key = f"%s::{table.type_of(table.ordered_key)}[]"
    query = f"SELECT width_bucket(k, {key}), {_SUM} FROM ({hashes}) AS hashes GROUP BY 1"
    found = [NOTHING] * (len(bounds) + 1)
    with connection.cursor() as cursor:
        cursor.execute(query, [list(map(str, bounds)), *values])
        for place, rows, *sums in cursor.fetchall():
            found[place] = (rows, (sums[0], sums[1]))
    return found


def _hashes(
    table: Table, names: Iterable[str], maps: Maps, source: Any, key: str = ""
) -> tuple[str, list[list[str]]]:
    """Return a query for the hash of each row, without a condition, and its parameters.

    The rows also have the column ``key``, as k.
    """
    joins, texts, values = _translated(table, maps)
    quoted = source.ops.quote_name
    columns = [
        texts.get(column.name, f"t.{quoted(column.name)}") for column in table.columns_named(names)
    ]
    hashed = f"md5(convert_to(ROW({', '.join(columns)})::text, 'UTF8')) AS h"
    own = f", t.{quoted(key)} AS k" if key else ""
    return f"SELECT {hashed}{own} FROM {table.name} AS t {' '.join(joins)}", values


def _translated(table: Table, maps: Maps) -> tuple[list[str], dict[str, str], list[list[str]]]:
    """Return joins, expressions by column, and parameters that give each key of the archive."""
    joins: list[str] = []
    texts: dict[str, str] = {}
    values: list[list[str]] = []
    for column in table.columns:
        moved = list(maps[column.refers].moved()) if column.refers in maps else []
        if moved:
            join, texts[column.name] = _join(column.name, len(joins))
            joins.append(join)
            values += [[here for _, here in moved], [there for there, _ in moved]]
    for kind, key in table.generics:
        triples = list(_generic_pairs(maps))
        if triples:
            join, texts[key] = _join(key, len(joins), kind)
            joins.append(join)
            values += [list(each) for each in zip(*triples, strict=True)]
    return joins, texts, values


def _join(column: str, number: int, kind: str = "") -> tuple[str, str]:
    quoted = connection.ops.quote_name
    own, arrays = f"t.{quoted(column)}::text", "%s::text[], %s::text[]"
    names, condition = "here, there", f"m{number}.here = {own}"
    if kind:
        arrays, names = f"{arrays}, %s::text[]", f"{names}, kind"
        condition += f" AND m{number}.kind = t.{quoted(kind)}::text"
    join = f"LEFT JOIN unnest({arrays}) AS m{number} ({names}) ON {condition}"
    return join, f"coalesce(m{number}.there, {own})"


def _generic_pairs(maps: Maps) -> Iterator[tuple[str, str, str]]:
    """Yield keys here and there of all mapped models, with the key here of their content type."""
    for label, keys in maps.items():
        app, model = label.split(".")
        for kind in ContentType.objects.filter(app_label=app, model=model):
            yield from ((here, there, str(kind.pk)) for there, here in keys.moved())
