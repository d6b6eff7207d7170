"""Loads the rows of an archive into the tables of the active tenant.

The tables of a group that refer to each other are loaded in one transaction. Its label is the sum
of the tables: if it is right, the group has been loaded before; otherwise the group is emptied and
loaded again. So an interrupted import continues where it stopped. An archive of changes says which
ranges of keys it has, and all of this holds for the rows in these ranges.
"""

import json
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db import DataError, IntegrityError, connection, reset_queries

from apps.isolation import WrongTenantError, require_tenant
from apps.isolation.app_registry import is_tenant_model
from apps.portability.documents import Part, Ranges
from apps.portability.exceptions import ArchiveError
from apps.portability.keys import KeyMap, NumberMap
from apps.portability.numbers import numbers_for, numbers_here
from apps.portability.ranges import condition
from apps.portability.reading import Archive, parsed
from apps.portability.sums import one_format, sum_of
from apps.portability.tables import NATIVE, PARSED, Column, Table, components, tenant_tables
from apps.portability.threads import one_ahead

type Progress = Callable[[int], object]


@dataclass
class Loader:
    """Loads an archive, with the keys that its shared rows have here."""

    archive: Archive
    maps: dict[str, KeyMap]
    progress: Progress
    tables: Mapping[str, Table] = field(default_factory=tenant_tables)

    def load(self, *, resumes: bool) -> None:
        """Load all rows; ``resumes`` skips groups of tables that are complete."""
        groups = self._groups()
        for number, group in enumerate(groups, 1):
            if resumes and self._is_complete(group):
                self.progress(sum(self._expected(table)[0] for table in group))
                continue
            with _sentences(group):
                self._load_again(group, groups[number:] if resumes else [])

    def _load_again(self, group: list[Table], later: list[list[Table]]) -> None:
        """Load a group; empty later ones if rows of an earlier archive refer to lost rows."""
        try:
            with one_format():
                self._load_group(group)
        except IntegrityError:
            if not later:
                raise
            with one_format():
                for each in reversed(later):
                    self._delete(each)
                self._load_group(group)

    def check(self) -> list[str]:
        """Return a sentence for each table whose sum differs from the archive's."""
        self._find_numbers()
        with one_format("REPEATABLE READ, READ ONLY"):
            return [
                f"{table.label} has {found[0]} rows instead of {expected[0]}."
                if found[0] != expected[0]
                else f"{table.label} has other contents."
                for group in self._groups()
                for table in group
                if (found := self._sum(table)) != (expected := self._expected(table))
            ]

    def _groups(self) -> list[list[Table]]:
        known = self.archive.header.tables
        return components({label: each for label, each in self.tables.items() if label in known})

    def _expected(self, table: Table) -> tuple[int, tuple[str, str]]:
        listed = self.archive.manifest.tables[table.label]
        return listed.rows, listed.sums

    def _sum(self, table: Table) -> tuple[int, tuple[str, str]]:
        names = self.archive.header.tables[table.label]
        return sum_of(table, names, self.maps, ranges=self._ranges(table))

    def _ranges(self, table: Table) -> Ranges:
        return self.archive.manifest.tables[table.label].ranges

    def _is_complete(self, group: list[Table]) -> bool:
        self._find_numbers(group)
        with one_format("REPEATABLE READ, READ ONLY"):
            return all(self._sum(table) == self._expected(table) for table in group)

    def _find_numbers(self, group: Iterable[Table] = ()) -> None:
        """Map the numbers of rows that are here already: both are in ascending order."""
        for table in group or self.tables.values():
            if table.number and table.label in self.archive.header.tables:
                there, here = self._numbers(table), numbers_here(table)
                if len(there) == len(here):
                    self.maps[table.label] = NumberMap(there, here)

    def _numbers(self, table: Table) -> "array[int]":
        folder = f"rows/{table.label}"
        numbers = array("q")
        for row in self.archive.rows(folder):
            number = row.get(table.number)
            if type(number) is not int or (numbers and number <= numbers[-1]):
                raise ArchiveError(f"The rows in {folder} are not in the order of their keys.")
            try:
                numbers.append(number)
            except OverflowError as error:
                raise ArchiveError(f"A key in {folder} is too large.") from error
        return numbers

    def _delete(self, group: Iterable[Table]) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
            for table in group:
                within, keys = condition(table, self._ranges(table))
                cursor.execute(f"DELETE FROM {table.name} AS t WHERE {within}", keys)

    def _load_group(self, group: list[Table]) -> None:
        self._delete(group)
        for table in group:
            if table.number:
                there = self._numbers(table)
                self.maps[table.label] = NumberMap(there, numbers_for(table, there))
        for table in group:
            self._load_table(table)

    def _load_table(self, table: Table) -> None:
        columns = table.columns_named(self.archive.header.tables[table.label])
        added = [column for column in table.columns if column not in columns]
        insert = _insert(table, columns, added)
        values: list[Any] = [*([require_tenant().id] if table.owner else []), *_defaults(added)]
        rewritten = partial(self._rewritten, table, columns)
        for rows, text in one_ahead(rewritten, self.archive.blocks(f"rows/{table.label}")):
            with connection.cursor() as cursor:
                cursor.execute(insert, [*values, text])
            reset_queries()  # which Django keeps with DEBUG
            self.progress(rows)

    def _rewritten(
        self, table: Table, columns: list[Column], block: tuple[Part, list[bytes]]
    ) -> tuple[int, str]:
        """Return the number of rows, and their JSON array with the keys that rows have here."""
        part, lines = block
        mapped = [column for column in columns if column.refers]
        rows: Iterable[bytes] = lines
        if mapped or table.generics:
            rows = self._translated(table, mapped, parsed(f"rows/{table.label}", lines))
        return part.rows, f"[{b','.join(rows).decode()}]"

    def _translated(
        self, table: Table, columns: list[Column], rows: Iterable[dict[str, Any]]
    ) -> Iterator[bytes]:
        for row in rows:
            # Before the content type gets its key here.
            for kind, key in table.generics:
                row[key] = self._generic_key(str(row.get(kind)), row.get(key))
            for column in columns:
                row[column.name] = self._key(table, column, row.get(column.name))
            yield json.dumps(row).encode()

    def _key(self, table: Table, column: Column, key: object) -> object:
        if key is None:
            return None
        keys = self.maps.get(column.refers)
        here = keys.get(str(key)) if keys else None
        if here is None:
            what = "shared.json" if not _is_of_tenants(column.refers) else "the archive"
            message = f"{table.label}.{column.name} names {column.refers} {str(key)[:64]!r}, which "
            raise ArchiveError(f"{message}{what} does not contain.")
        return int(here) if column.type in NATIVE else here

    def _generic_key(self, kind: str, key: object) -> object:
        natural = self.archive.shared.keys.get(ContentType._meta.label_lower, {}).get(kind)
        keys = self.maps.get(".".join(map(str, natural))) if natural else None
        here = keys.get(str(key)) if keys else None
        if here is None:
            return key
        return int(here) if isinstance(key, int) else here


def _is_of_tenants(label: str) -> bool:
    return is_tenant_model(apps.get_model(label))


def _insert(table: Table, columns: Iterable[Column], added: Iterable[Column]) -> str:
    """Return a statement that inserts the rows of a JSON array.

    The owning tenant is the active one: no archive can name it.
    """
    quoted = connection.ops.quote_name
    written = [column for column in added if column.default is not None]
    names = [table.owner] if table.owner else []
    names += [column.name for column in written]
    given = ["%s"] * len(names)
    types = {each.name: "text" if each.type in PARSED else each.type for each in columns}
    given += [f"x.{quoted(each.name)}::{each.type}" for each in columns]
    names += types
    record = ", ".join(f"{quoted(name)} {type_}" for name, type_ in types.items())
    return (
        f"INSERT INTO {table.name} ({', '.join(map(quoted, names))}) SELECT {', '.join(given)} "
        f"FROM json_to_recordset(%s::json) AS x ({record})"
    )


def _defaults(added: Iterable[Column]) -> list[object]:
    return [column.default for column in added if column.default is not None]


@contextmanager
def _sentences(group: list[Table]) -> Iterator[None]:
    """Turn errors of PostgreSQL about the rows of an archive into sentences."""
    labels = ", ".join(table.label for table in group)
    try:
        yield
    except (DataError, IntegrityError, WrongTenantError, UnicodeDecodeError) as error:
        first = str(error).partition("\n")[0][:300]
        raise ArchiveError(f"The rows of {labels} cannot be stored: {first}.") from error
