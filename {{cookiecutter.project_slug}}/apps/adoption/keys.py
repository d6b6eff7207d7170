"""Keys of adopted rows: UUIDs that contain the integer of the source.

They have version 8 (RFC 9562, section 5.8): ``0000rrrr-rrrr-8ttt-8nnn-nnnnnnnnnnnn`` contains the
plan's run, the number of the table, and the integer. So the same row always gets the same key,
references use the same expression, the order of rows stays, and no table of pairs is needed.
"""

import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Final
from uuid import UUID

from apps.portability.exceptions import ArchiveError

LARGEST: Final = 2**60 - 1
"""The largest integer that a key can contain."""

_ADOPTED = re.compile(r"0000[0-9a-f]{8}8[0-9a-f]{3}8([0-9a-f]{15})")


def old_id(key: UUID) -> int:
    """Return the integer that a row had in the source; raise ValueError for another key."""
    found = _ADOPTED.fullmatch(key.hex)
    if not found:
        raise ValueError(f"{key} is not the key of an adopted row.")
    return int(found[1], 16)


def key_expression(run: str, table: int, expression: str) -> str:
    """Return the SQL expression of the key of an integer expression.

    NULL stays NULL, and PostgreSQL refuses an integer that is too large or negative.
    """
    number = f"({expression})::bigint"
    digits = f"lpad(to_hex({number}), 15, '0')"
    start = f"0000{run[:4]}-{run[4:]}-8{table:03x}-8"
    return (
        f"(CASE WHEN {number} BETWEEN 0 AND {LARGEST} "
        f"THEN '{start}' || left({digits}, 3) || '-' || right({digits}, 12) "
        f"ELSE 'This integer does not fit into a key: ' || {number} END)::uuid"
    )


def run_of(run: str, key: object) -> str:
    """Return the digits in place of the run, for a table that each tenant has by itself."""
    return sha256(f"{run}:{key}".encode()).hexdigest()[:8]


def expand(text: str, functions: Mapping[str, Callable[[str, str], str]]) -> str:
    """Replace each call ``name(first, rest)`` in a SQL text by what the function returns.

    Raises `ArchiveError` for a call without its closing parenthesis.
    """
    pattern = re.compile(rf"\b({'|'.join(functions)})\(")
    done, place = "", 0
    while found := pattern.search(text, place):
        end = _closing(text, found.end())
        first, _, rest = text[found.end() : end].partition(",")
        value = functions[found[1]](first.strip(), expand(rest.strip(), functions))
        done, place = f"{done}{text[place : found.start()]}{value}", end + 1
    return done + text[place:]


def _closing(text: str, place: int) -> int:
    depth = 1
    for number, letter in enumerate(text[place:], place):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if not depth:
            return number
    raise ArchiveError(f"A parenthesis is not closed: {text[:60]}")
