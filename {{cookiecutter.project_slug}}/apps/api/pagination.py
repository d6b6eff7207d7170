"""Pagination of the API's lists."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from django.core.exceptions import ValidationError
from django.db import DataError
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

from apps.api.keyset import Row, beyond, keys_of, order_of, position_of, values_at

INVALID_CURSOR = (ValidationError, ValueError, TypeError, OverflowError, RecursionError, DataError)
"""Exceptions that an invalid cursor raises."""


class TimeOrderedPagination(CursorPagination):
    """Cursor pagination: newest first, since ids are ordered by time, or in the client's ordering.

    A cursor contains a row's position in the whole ordering, which ends with the id. Each row is
    therefore on one page, however many share a value (`apps.api.keyset`). Nothing is counted.
    """

    ordering = "-id"
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> Any:
        """Return a page; raise 404 for a cursor that no list issued."""
        self.base_url = request.build_absolute_uri()
        self.keys = keys_of(queryset, self.get_ordering(request, queryset, view))
        encoded = request.query_params.get(self.cursor_query_param)
        try:
            backwards, position = _decoded(encoded) if encoded else (False, [])
            rows = queryset.order_by(*order_of(self.keys, backwards=backwards))
            if position:
                values = values_at(position, self.keys)
                rows = rows.filter(beyond(self.keys, values, backwards=backwards))
            size = self.get_page_size(request) or self.page_size
            found = list(rows[: size + 1])
        except INVALID_CURSOR as error:
            if not encoded:
                raise
            raise NotFound(self.invalid_cursor_message) from error
        self.shown = found[:size]
        self.has_next, self.has_previous = len(found) > size, bool(position)
        if backwards:
            self.shown.reverse()
            self.has_next, self.has_previous = True, self.has_next
        return self.shown

    def get_next_link(self) -> str | None:
        """Return the address of the next page."""
        return self._link(self.shown[-1:], backwards=False) if self.has_next else None

    def get_previous_link(self) -> str | None:
        """Return the address of the previous page."""
        return self._link(self.shown[:1], backwards=True) if self.has_previous else None

    def _link(self, edge: list[Row], *, backwards: bool) -> str:
        """Return the address of the rows after one; without one, of the list from its end."""
        position = position_of(edge[0], self.keys) if edge else []
        text = json.dumps([backwards, position], ensure_ascii=False, separators=(",", ":"))
        cursor = urlsafe_b64encode(text.encode()).decode()
        return replace_query_param(str(self.base_url), self.cursor_query_param, cursor)


def _decoded(cursor: str) -> tuple[bool, list[object]]:
    """Return a cursor's direction and position; raise ValueError or TypeError if it is invalid."""
    backwards, position = json.loads(urlsafe_b64decode(cursor))
    if not (isinstance(backwards, bool) and isinstance(position, list)):
        raise TypeError
    return backwards, position
