"""Pagination of lists."""

from rest_framework.pagination import CursorPagination


class TimeOrderedPagination(CursorPagination):
    """Newest first. Ids are ordered by time, so they serve as the cursor; nothing is counted."""

    ordering = "-id"
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200
