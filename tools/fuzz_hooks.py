"""Hooks of fuzz.py for Schemathesis: ids to send, and additional checks of answers."""

from __future__ import annotations

import os
import zlib
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import schemathesis

CANARY = os.environ["FUZZ_CANARY"].encode()
FOREIGN_IDS = os.environ["FUZZ_FOREIGN_IDS"].split(",")
LONGEST_QUERY, LONGEST_VALUE, MOST_VALUES = 2000, 30, 5
# What JSON can hold, and much that reads it cannot: control characters, and a text of a megabyte.
# Halves of surrogate pairs are sent by fuzz_client.py: Schemathesis itself cannot validate them.
ODD = ("\0", "\x1b[2J\r\n\x7f\u2028\ufffe", "x" * 1024**2)


@schemathesis.check
def no_canary(ctx: Any, response: Any, case: Any) -> None:  # noqa: ARG001 - the library's
    """Fail if a text of the other tenant's is answered."""
    answer = b"\n".join([response.content, repr(response.headers).encode()])
    assert CANARY not in answer.lower(), f"{case.method} {case.path} answered the other tenant's"


@schemathesis.hook
def map_path_parameters(ctx: Any, path_parameters: Any) -> Any:  # noqa: ARG001
    """Ask for the other tenant's rows, too."""
    return with_foreign_ids(path_parameters)


@schemathesis.hook
def map_body(ctx: Any, body: Any) -> Any:  # noqa: ARG001
    """Refer to the other tenant's rows, too, and say what is no text."""
    return with_odd_texts(with_foreign_ids(body))


@schemathesis.hook
def map_query(ctx: Any, query: Any) -> Any:  # noqa: ARG001
    """Filter and search by what is no text, as far as the server takes it."""
    odd = with_odd_texts(query)
    return query if is_too_long(odd) else odd


@schemathesis.hook
def before_call(ctx: Any, case: Any, kwargs: Any) -> None:  # noqa: ARG001
    """Send no address that the server itself refuses, and let nobody erase themself.

    Former members get no data.
    """
    if is_too_long(case.query):
        few = list(case.query.items())[:MOST_VALUES]
        case.query = {name[:LONGEST_VALUE]: str(value)[:LONGEST_VALUE] for name, value in few}
    if isinstance(case.body, dict) and case.body.get("kind") == "erase":
        case.body = case.body | {"kind": "export"}


def is_too_long(query: Any) -> bool:
    """Tell whether an address with this query would be refused by the server itself."""
    return len(urlencode(query or {}, doseq=True, errors="replace")) > LONGEST_QUERY


def with_foreign_ids(values: Any) -> Any:
    """Put ids of the other tenant's in the place of some: always of the same, for one seed."""
    if not isinstance(values, dict):
        return values
    return {name: foreign_for(value) for name, value in values.items()}


def foreign_for(value: Any) -> Any:
    """Return one of the other tenant's ids for every other id."""
    chance = chance_of(value)
    return FOREIGN_IDS[chance // 2 % len(FOREIGN_IDS)] if is_id(value) and chance % 2 else value


def with_odd_texts(values: Any) -> Any:
    """Put odd texts in the place of some, at any depth, in keys too."""
    if isinstance(values, dict):
        return {
            odd_for(name, 64) if isinstance(name, str) else name: with_odd_texts(value)
            for name, value in values.items()
        }
    if isinstance(values, list):
        return [with_odd_texts(value) for value in values]
    return odd_for(values, 12) if isinstance(values, str) and not is_id(values) else values


def odd_for(text: str, one_of: int) -> str:
    """Return an odd text for one of so many, always the same."""
    chance = chance_of(text)
    return ODD[chance // one_of % len(ODD)] if chance % one_of == 0 else text


def chance_of(value: Any) -> int:
    """Return a number that hangs on the value only."""
    return zlib.crc32(str(value).encode("utf-8", "surrogatepass"))


def is_id(value: Any) -> bool:
    """Tell whether a value is an id."""
    try:
        return bool(UUID(str(value)))
    except ValueError:
        return False
