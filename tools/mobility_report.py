"""Writes the figures of `nox -s mobility` into docs/measured.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[1] / "docs" / "measured.md"
BEGIN, END = "<!-- made by nox -s mobility -->\n", "<!-- until here -->\n"
STRATEGIES = ("schema", "row", "database")
FEW = 10_000


def put_into(page: Path, figures: dict[str, Any]) -> None:
    """Replace the tables between the marker lines."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    tables = f"{_moves(figures)}\n{_large(figures)}"
    page.write_text(f"{before}{BEGIN}{tables}{END}{after}", encoding="utf-8", newline="\n")


def _moves(figures: dict[str, Any]) -> str:
    moves = figures["moves"]
    rows = [
        [
            f"from `{one}`",
            *(f"{moves[f'{one} to {two}']['without writes']:.1f} s" for two in STRATEGIES),
        ]
        for one in STRATEGIES
    ]
    head = [f"{figures['rows']:,} rows, seconds without writes", *(f"to `{s}`" for s in STRATEGIES)]
    return _table(head, rows)


def _large(figures: dict[str, Any]) -> str:
    many = figures["many"]
    count = figures["many_rows"]
    made = {
        "export, seconds": lambda f: f"{f[f'export of {count}']:.1f}",
        "times `pg_dump`, which does not compress": lambda f: (
            f"{f[f'export of {count}'] / f['pg_dump, dump']:.1f}"
        ),
        "times `pg_dump --format=custom`, which does": lambda f: (
            f"{f[f'export of {count}'] / f['pg_dump, compressed dump']:.1f}"
        ),
        "import, seconds": lambda f: f"{f[f'import of {count}']:.1f}",
        "times a restore by `psql`, which verifies nothing": lambda f: (
            f"{f[f'import of {count}'] / f['pg_dump, restore']:.1f}"
        ),
        f"memory, MB more than for {FEW:,} rows": lambda f: (
            f"{(f[f'memory of {count}'] - f[f'memory of {FEW}']) / 1024:.0f}"
        ),
        "purge, seconds": lambda f: f"{f['purge']:.1f}",
    }
    rows = [
        [name, *(find(many[strategy]) for strategy in STRATEGIES)] for name, find in made.items()
    ]
    return _table([f"{count:,} rows", *(f"`{s}`" for s in STRATEGIES)], rows)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
