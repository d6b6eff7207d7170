"""Texts that UTF-8 cannot encode: JSON can contain unpaired surrogates as escapes."""

import re
from typing import Any

UNSTORABLE = re.compile("[\0\ud800-\udfff]")
"""Characters that PostgreSQL stores neither in text nor in JSON."""


def encodable(data: Any) -> Any:
    """Return data with U+FFFD for each unpaired surrogate, in keys and values."""
    match data:
        case str():
            return data.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case dict():
            return {encodable(name): encodable(value) for name, value in data.items()}
        case list() | tuple():
            return [encodable(value) for value in data]
        case _:
            return data


def is_storable(data: object) -> bool:
    """Return whether every text in data, keys included, can be stored and sent."""
    match data:
        case str():
            return UNSTORABLE.search(data) is None
        case dict():
            return all(is_storable(name) and is_storable(value) for name, value in data.items())
        case list():
            return all(is_storable(value) for value in data)
        case _:
            return True
