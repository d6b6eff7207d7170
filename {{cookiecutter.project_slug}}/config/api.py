"""How the API reads bodies and pages through lists."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import DataError
from rest_framework import parsers
from rest_framework.exceptions import NotFound, ParseError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request


class JSONParser(parsers.JSONParser):
    """JSON, nested only as deeply as Python can follow."""

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the body holds; one that is nested deeper is as malformed as any other."""
        try:
            return super().parse(*args, **kwargs)
        except RecursionError as error:
            raise ParseError("JSON parse error - nested too deeply") from error


class TimeOrderedPagination(CursorPagination):
    """Newest first. Ids are ordered by time, so they serve as the cursor; nothing is counted."""

    ordering = "-id"
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> Any:
        """Return a page; a cursor that no list gave out is answered with 404."""
        try:
            return super().paginate_queryset(queryset, request, view)
        except (ValidationError, ValueError, DataError) as error:
            if self.cursor_query_param not in request.query_params:
                raise
            # The position in it is no value of the column that orders the list.
            raise NotFound(self.invalid_cursor_message) from error
