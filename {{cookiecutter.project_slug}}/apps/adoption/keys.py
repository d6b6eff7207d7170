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

_QUOTED = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*\"""")
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

    Literals and quoted names stay as they are. Raises `ArchiveError` for a call without its closing
    parenthesis.
    """
    call = re.compile(rf"(?<![\w.])({'|'.join(functions)})\(")
    done, place = "", 0
    while place < len(text):
        quoted, found = _QUOTED.match(text, place), call.match(text, place)
        if quoted:
            done, place = done + quoted[0], quoted.end()
        elif found:
            end = _closing(text, found.end())
            first, _, rest = text[found.end() : end].partition(",")
            done += functions[found[1]](first.strip(), expand(rest.strip(), functions))
            place = end + 1
        else:
            done, place = done + text[place], place + 1
    return done


def _closing(text: str, place: int) -> int:
    """Return the place of the parenthesis that closes the one before ``place``."""
    depth, start = 1, place
    while place < len(text):
        if quoted := _QUOTED.match(text, place):
            place = quoted.end()
            continue
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if not depth:
            return place
        place += 1
    raise ArchiveError(f"A parenthesis is not closed: {text[start:][:60]}")
