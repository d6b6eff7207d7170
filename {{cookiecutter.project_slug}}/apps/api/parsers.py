"""How the API reads bodies."""

from typing import Any

from rest_framework import parsers
from rest_framework.exceptions import ParseError


class JSONParser(parsers.JSONParser):
    """JSON, nested only as deeply as Python can follow."""

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the body holds; one that is nested deeper is as malformed as any other."""
        try:
            return super().parse(*args, **kwargs)
        except RecursionError as error:
            raise ParseError("JSON parse error - nested too deeply") from error
