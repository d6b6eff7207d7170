"""Compares the tables of an archive with the tables here. There is no conversion."""

from collections.abc import Iterator, Mapping

from apps.portability.documents import Layout
from apps.portability.exceptions import ArchiveError
from apps.portability.tables import Table, layout_of

MOST_SENTENCES = 20


def require_same_tables(
    there: Layout, tables: Mapping[str, Table], *, allows_added: bool = False
) -> None:
    """Raise `ArchiveError` with the columns that differ.

    ``allows_added`` accepts tables, and columns that may stay empty or have a default, which only
    this installation has.
    """
    found = list(_differences(there, tables, allows_added=allows_added))
    if found:
        more = [f"And {len(found) - MOST_SENTENCES} more."] if found[MOST_SENTENCES:] else []
        advice = "Bring both installations to the same release, and export again."
        sentences = [*found[:MOST_SENTENCES], *more, advice]
        raise ArchiveError("\n".join(["The archive has other tables.", *sentences]))


def _differences(
    there: Layout, tables: Mapping[str, Table], *, allows_added: bool
) -> Iterator[str]:
    here = layout_of(tables)
    for label in sorted(there.keys() - here.keys()):
        yield f"{label}: no tenant's table here."
    for label in sorted(here.keys() - there.keys()):
        if not allows_added:
            yield f"{label}: not in the archive."
    for label in sorted(here.keys() & there.keys()):
        known = {column.name: column for column in tables[label].columns}
        for name in sorted(here[label].keys() | there[label].keys()):
            archived, own = there[label].get(name), here[label].get(name)
            if archived == own or (
                allows_added and archived is None and known[name].can_be_omitted
            ):
                continue
            yield f"{label}.{name}: {_described(archived)} in the archive, {_described(own)} here."


def _described(column: tuple[str, bool] | None) -> str:
    if column is None:
        return "missing"
    type_, null = column
    return f"{type_} {'NULL' if null else 'NOT NULL'}"
