"""How the API pages through lists."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import DataError
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request


class TimeOrderedPagination(CursorPagination):
    """Newest first. Ids are ordered by time, so they serve as the cursor; nothing is counted."""

    ordering = "-id"
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> Any:
        """Return a page; answer 404 to a cursor that no list gave out."""
        try:
            return super().paginate_queryset(queryset, request, view)
        except (ValidationError, ValueError, DataError) as error:
            if self.cursor_query_param not in request.query_params:
                raise
            # The position in it is no value of the column that orders the list.
            raise NotFound(self.invalid_cursor_message) from error
