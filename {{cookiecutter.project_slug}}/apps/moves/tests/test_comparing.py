"""Which ranges are sent, by what differs."""

from typing import Any

import pytest

from apps.moves.comparing import with_dependents
from apps.portability.documents import Range
from apps.portability.tables import Table

SOME: list[Range] = [(None, "5")]


def table(label: str, **changes: Any) -> Table:
    values: dict[str, Any] = {
        "label": label,
        "name": label,
        "columns": (),
        "key": ("id",),
        "owner": "",
        "number": "",
        "files": (),
        "generics": (),
        "needs": frozenset(),
    }
    return Table(**values | {name: frozenset({each}) for name, each in changes.items()})


TABLES = {
    "page": table("page"),
    "line": table("line", needs="page"),
    "copy": table("copy", needs="page", cascades="page"),
    "note": table("note", needs="copy", cascades="copy"),
    "folder": table("folder", needs="folder", cascades="folder"),
    "kind": table("kind"),
    "tag": table("tag", needs="kind"),
    "tagging": table("tagging", needs="tag"),
}
for numbered in ("kind", "tag"):
    object.__setattr__(TABLES[numbered], "number", "id")


@pytest.mark.parametrize(
    ("differing", "sent"),
    [
        ({}, {}),
        ({"line": SOME}, {"line": SOME}),
        ({"page": SOME}, {"page": SOME, "copy": None, "note": None}),
        ({"tag": None}, {"tag": None, "tagging": None, "kind": None}),
        ({"folder": SOME}, {"folder": None}),
        ({"kind": None}, {"kind": None, "tag": None, "tagging": None}),
        ({"tagging": SOME}, {"tagging": SOME, "tag": None, "kind": None}),
    ],
    ids=[
        *("nothing", "rows", "deleted by PostgreSQL", "numbers", "deleted in the same table"),
        *("numbers of numbers", "numbers that others name"),
    ],
)
def test_tables_that_change_with_others_are_sent(
    differing: dict[str, Any], sent: dict[str, Any]
) -> None:
    nothing: dict[str, Any] = {label: [] for label in TABLES}
    assert with_dependents(TABLES, nothing | differing) == nothing | sent
