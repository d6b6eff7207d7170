"""Texts that cannot be written in UTF-8: JSON can hold half a surrogate pair as an escape."""

import re
from typing import Any

UNSTORABLE = re.compile("[\0\ud800-\udfff]")
"""Characters that PostgreSQL stores neither in text nor in JSON."""


def encodable(data: Any) -> Any:
    """Return data with U+FFFD for each half of a surrogate pair, in keys and in values."""
    match data:
        case str():
            return data.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case dict():
            return {encodable(name): encodable(value) for name, value in data.items()}
        case list() | tuple():
            return [encodable(value) for value in data]
        case _:
            return data


def is_storable(data: Any) -> bool:
    """Return whether every text in data, keys too, can be stored and answered."""
    match data:
        case str():
            return UNSTORABLE.search(data) is None
        case dict():
            return all(is_storable(name) and is_storable(value) for name, value in data.items())
        case list():
            return all(is_storable(value) for value in data)
        case _:
            return True
