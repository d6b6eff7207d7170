"""Hooks of fuzz.py for Schemathesis: foreign ids, odd texts, and checks of responses."""

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
# Texts that are valid JSON but often not handled: control characters, and a megabyte of text.
# fuzz_client.py sends halves of surrogate pairs, which Schemathesis cannot validate.
ODD = ("\0", "\x1b[2J\r\n\x7f\u2028\ufffe", "x" * 1024**2)


@schemathesis.check
def no_canary(ctx: Any, response: Any, case: Any) -> None:  # noqa: ARG001 - the library's
    """Fail if a response contains a text of the other tenant."""
    answer = b"\n".join([response.content, repr(response.headers).encode()])
    assert CANARY not in answer.lower(), f"{case.method} {case.path} answered the other tenant's"


@schemathesis.hook
def map_path_parameters(ctx: Any, path_parameters: Any) -> Any:  # noqa: ARG001
    """Use ids of the other tenant's rows in some paths."""
    return with_foreign_ids(path_parameters)


@schemathesis.hook
def map_body(ctx: Any, body: Any) -> Any:  # noqa: ARG001
    """Use ids of the other tenant's rows and odd texts in some bodies."""
    return with_odd_texts(with_foreign_ids(body))


@schemathesis.hook
def map_query(ctx: Any, query: Any) -> Any:  # noqa: ARG001
    """Use odd texts in some queries, within the server's limit on addresses."""
    odd = with_odd_texts(query)
    return query if is_too_long(odd) else odd


@schemathesis.hook
def before_call(ctx: Any, case: Any, kwargs: Any) -> None:  # noqa: ARG001
    """Shorten addresses that the server would refuse, and prevent a user's own erasure.

    After an erasure, the user would be a former member, and all later requests would get no data.
    """
    if is_too_long(case.query):
        few = list(case.query.items())[:MOST_VALUES]
        case.query = {name[:LONGEST_VALUE]: str(value)[:LONGEST_VALUE] for name, value in few}
    if isinstance(case.body, dict) and case.body.get("kind") == "erase":
        case.body = case.body | {"kind": "export"}


def is_too_long(query: Any) -> bool:
    """Return whether the server would refuse an address with this query as too long."""
    return len(urlencode(query or {}, doseq=True, errors="replace")) > LONGEST_QUERY


def with_foreign_ids(values: Any) -> Any:
    """Replace some ids by ids of the other tenant, always the same ones for a seed."""
    if not isinstance(values, dict):
        return values
    return {name: foreign_for(value) for name, value in values.items()}


def foreign_for(value: Any) -> Any:
    """Return an id of the other tenant for half of the ids."""
    chance = chance_of(value)
    return FOREIGN_IDS[chance // 2 % len(FOREIGN_IDS)] if is_id(value) and chance % 2 else value


def with_odd_texts(values: Any) -> Any:
    """Replace some texts by odd ones, at any depth, also in keys."""
    if isinstance(values, dict):
        return {
            odd_for(name, 64) if isinstance(name, str) else name: with_odd_texts(value)
            for name, value in values.items()
        }
    if isinstance(values, list):
        return [with_odd_texts(value) for value in values]
    return odd_for(values, 12) if isinstance(values, str) and not is_id(values) else values


def odd_for(text: str, one_of: int) -> str:
    """Return an odd text for a fraction of the texts, always the same ones."""
    chance = chance_of(text)
    return ODD[chance // one_of % len(ODD)] if chance % one_of == 0 else text


def chance_of(value: Any) -> int:
    """Return a number that depends on the value only."""
    return zlib.crc32(str(value).encode("utf-8", "surrogatepass"))


def is_id(value: Any) -> bool:
    """Return whether a value is an id."""
    try:
        return bool(UUID(str(value)))
    except ValueError:
        return False
