"""How the API reads bodies."""

from typing import Any

from rest_framework import parsers
from rest_framework.exceptions import ErrorDetail, ParseError, ValidationError

from apps.api.text import encodable, is_storable

UNSTORABLE = ErrorDetail("Null characters and unpaired surrogates are not allowed.", "text")


class JSONParser(parsers.JSONParser):
    """JSON, nested only as deeply as Python can follow, with texts that can be stored."""

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the body holds; one that is nested deeper is as malformed as any other."""
        try:
            data = super().parse(*args, **kwargs)
            if not is_storable(data):
                raise _unstorable(data)
        except RecursionError as error:
            raise ParseError("JSON parse error - nested too deeply") from error
        return data


def _unstorable(data: Any) -> ParseError | ValidationError:
    """Return an error that names the fields, at the depth of the body's own."""
    if not isinstance(data, dict):
        return ParseError(f"JSON parse error - {UNSTORABLE}")
    fields = [
        name for name, value in data.items() if not (is_storable(name) and is_storable(value))
    ]
    return ValidationError({encodable(name): [UNSTORABLE] for name in fields})
