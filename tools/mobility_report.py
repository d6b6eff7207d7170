"""Makes the tables of docs/measured.md from the figures of `nox -s mobility`."""

from __future__ import annotations

from typing import Any

from measured import table
from template import STRATEGIES

FEW = 10_000


def tables_of(figures: dict[str, Any]) -> str:
    """Return the tables in Markdown."""
    return f"{_moves(figures)}\n{_large(figures)}"


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
    return table(head, rows)


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
    return table([f"{count:,} rows", *(f"`{s}`" for s in STRATEGIES)], rows)
