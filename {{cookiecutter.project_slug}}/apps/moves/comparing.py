"""Finds what differs between a tenant here and its copy on another installation.

Both sum the rows of each range of keys, so that only ranges that differ are sent. No column with
the time of a change is needed, and deleted rows are noticed.
"""

from array import array
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime

from django.core.files.storage import default_storage

from apps.isolation import ActiveTenant
from apps.isolation.context import activate_tenant
from apps.moves.documents import Answer, Question
from apps.moves.peer import Peer
from apps.portability.documents import Key, Ranges
from apps.portability.exporting import Changes, ExportOptions, header_of
from apps.portability.files import hash_of_file, names_in
from apps.portability.keys import KeyMap, NumberMap
from apps.portability.numbers import numbers_here
from apps.portability.ranges import bounds_of, ranges_between
from apps.portability.shared_data import keys_named, shared_data_of
from apps.portability.sums import Sum, one_format, sum_of, sums_between
from apps.portability.tables import Table, layout_of, tenant_tables
from apps.tenants.models import Tenant

FEW = 10
"""Ranges that are always few enough to be sent while the tenant is not written to."""


@dataclass(frozen=True, slots=True)
class Content:
    """The sums of a tenant's ranges here, its files, and the question about them."""

    tables: Mapping[str, Table]
    question: Question
    sums: Mapping[str, list[Sum]]
    files: Mapping[str, str]

    def compared(self, answer: Answer) -> "Difference":
        """Return what the answer lacks, or has otherwise."""
        ranges = _differing_ranges(self.tables, self.question, self.sums, answer)
        files = {name for name, word in self.files.items() if answer.files.get(name) != word}
        return Difference(self, Changes(with_dependents(self.tables, ranges), frozenset(files)))


@dataclass(frozen=True, slots=True)
class Difference:
    """The ranges and files that differ from a tenant's content here."""

    content: Content
    changes: Changes

    @property
    def total(self) -> int:
        """The number of all ranges; a table without ranges counts as one."""
        return sum(map(len, self.content.sums.values()))

    @property
    def ranges(self) -> int:
        """The number of ranges that differ."""
        return sum(1 if each is None else len(each) for each in self.changes.ranges.values())

    @property
    def is_empty(self) -> bool:
        """True if rows and files are the same."""
        return not (self.ranges or self.changes.files)

    @property
    def is_small(self) -> bool:
        """True if at most one range in a hundred differs, or few do."""
        return self.ranges <= max(FEW, self.total // 100)


def compare(
    tenant: Tenant,
    peer: Peer,
    *,
    since: datetime | None = None,
    by_hash: bool = False,
    earlier: Difference | None = None,
) -> Difference:
    """Compare a tenant with its copy; files that were modified ``since`` differ in any case.

    The bounds of an ``earlier`` comparison save time.
    """
    tables = tenant_tables()
    bounds = earlier.content.question.bounds if earlier else None
    with activate_tenant(ActiveTenant(tenant.pk)), ThreadPoolExecutor(1) as other:
        with one_format("REPEATABLE READ, READ ONLY"):
            question = question_of(tenant, tables, bounds, by_hash=by_hash)
            asked = other.submit(peer.ask, "sums", question)
            sums = sums_of(tables, question, {})
            names = names_in(tables)
        # Outside of the transaction, since it may take long.
        files = described(names, by_hash=by_hash)
        found = Content(tables, question, sums, files).compared(asked.result())
        newer = {name for name in files if since and _is_newer(name, since)}
    return replace(found, changes=replace(found.changes, files=found.changes.files | newer))


def question_of(
    tenant: Tenant,
    tables: Mapping[str, Table],
    bounds: Mapping[str, list[Key]] | None,
    *,
    by_hash: bool,
) -> Question:
    """Return the question about a tenant, which is active, within one snapshot."""
    if bounds is None:
        bounds = {label: bounds_of(each) for label, each in tables.items() if each.ordered_key}
    return Question(
        header=header_of(tenant, layout_of(tables), ExportOptions()),
        shared=shared_data_of(tenant, keys_named(tables)),
        bounds=dict(bounds),
        numbers={label: list(numbers_here(each)) for label, each in tables.items() if each.number},
        by_hash=by_hash,
    )


def sums_of(
    tables: Mapping[str, Table], question: Question, maps: Mapping[str, KeyMap]
) -> dict[str, list[Sum]]:
    """Return the sums of the ranges of the active tenant's tables, with the keys of the question.

    A table without ranges has one sum.
    """
    return {
        label: sums_between(table, table.names, maps, question.bounds[label])
        if label in question.bounds
        else [sum_of(table, table.names, maps)]
        for label, table in tables.items()
    }


def numbers_of(tables: Mapping[str, Table], question: Question) -> dict[str, KeyMap]:
    """Return the numbers here of rows that have others in the question."""
    found: dict[str, KeyMap] = {}
    for label, numbers in question.numbers.items():
        there, here = array("q", numbers), numbers_here(tables[label])
        if len(there) == len(here):
            found[label] = NumberMap(there, here)
    return found


def described(names: Iterable[str], *, by_hash: bool) -> dict[str, str]:
    """Return size or hash of each of the active tenant's files; empty for one that is missing."""
    return {name: _described(name, by_hash=by_hash) for name in names}


def _described(name: str, *, by_hash: bool) -> str:
    try:
        if not by_hash:
            return str(default_storage.size(name))
        with default_storage.open(name) as file:
            return hash_of_file(file)
    except FileNotFoundError:
        return ""


def _is_newer(name: str, since: datetime) -> bool:
    """Return whether a file may have been modified since a time."""
    try:
        return default_storage.get_modified_time(name) >= since
    except NotImplementedError:
        return True
    except FileNotFoundError:
        return False


def _differing_ranges(
    tables: Mapping[str, Table],
    question: Question,
    own: Mapping[str, list[Sum]],
    answer: Answer,
) -> dict[str, Ranges]:
    found: dict[str, Ranges] = {}
    for label in tables:
        pairs = zip(own[label], answer.sums[label], strict=True)
        differ = [one != other for one, other in pairs]
        if label in question.bounds:
            ranges = ranges_between(question.bounds[label])
            found[label] = [each for each, does in zip(ranges, differ, strict=True) if does]
        else:
            found[label] = None if any(differ) else []
    return found


def with_dependents(tables: Mapping[str, Table], found: Mapping[str, Ranges]) -> dict[str, Ranges]:
    """Add the tables whose rows change with those of another table, and those with their keys.

    Rows with new numbers change the rows that name them. Where PostgreSQL deletes dependent rows
    itself, rows that are replaced take these with them. Rows that name numbers can only be read
    with the table that has these.
    """
    ranges = dict(found)
    while more := _followers(tables, ranges):
        ranges |= dict.fromkeys(more)
    while more := _named(tables, ranges):
        ranges |= dict.fromkeys(more)
    return ranges


def _followers(tables: Mapping[str, Table], ranges: Mapping[str, Ranges]) -> list[str]:
    changed = {label for label, each in ranges.items() if each != []}
    numbered = {label for label in changed if tables[label].number}
    return [
        label
        for label, table in tables.items()
        if ranges[label] is not None and (table.cascades & changed or table.needs & numbered)
    ]


def _named(tables: Mapping[str, Table], ranges: Mapping[str, Ranges]) -> list[str]:
    needed = {name for label, each in ranges.items() if each != [] for name in tables[label].needs}
    return [label for label in needed if tables[label].number and ranges[label] is not None]
