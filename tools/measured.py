"""Writes tables of measured figures into docs/measured.md, between marker lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from template import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PAGE = ROOT / "docs" / "measured.md"
END = "<!-- until here -->\n"


def put_into(session: str, text: str, page: Path = PAGE) -> None:
    """Replace the text that an earlier run of the session has written."""
    begin = f"<!-- made by nox -s {session} -->\n"
    before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{begin}{text}{END}{after}", encoding="utf-8", newline="\n")


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
