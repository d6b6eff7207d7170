"""Parsers of the API."""

from typing import Any

from rest_framework import parsers
from rest_framework.exceptions import ErrorDetail, ParseError, ValidationError

from apps.api.text import encodable, is_storable

UNSTORABLE = ErrorDetail("Null characters and unpaired surrogates are not allowed.", "text")


class JSONParser(parsers.JSONParser):
    """Parser for JSON with limited nesting and storable texts."""

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        """Parse the body; treat too deep nesting as malformed JSON."""
        try:
            data = super().parse(*args, **kwargs)
            if not is_storable(data):
                raise _unstorable(data)
        except RecursionError as error:
            raise ParseError("JSON parse error - nested too deeply") from error
        return data


def _unstorable(data: object) -> ParseError | ValidationError:
    """Return an error that names the fields, nested like the body."""
    if not isinstance(data, dict):
        return ParseError(f"JSON parse error - {UNSTORABLE}")
    fields = [
        name for name, value in data.items() if not (is_storable(name) and is_storable(value))
    ]
    return ValidationError({encodable(name): [UNSTORABLE] for name in fields})
