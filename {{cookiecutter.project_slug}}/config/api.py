"""How the API reads bodies, pages through lists, sends files, and describes its errors."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import DataError
from django.http import FileResponse
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


class ContentMixin:
    """Of a view with an action ``content``, which sends a file."""

    action: str

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Send it whatever the client says that it accepts: its type is what it is."""
        parent: Any = super()
        return parent.perform_content_negotiation(request, force or self.action == "content")


def download(file: Any, name: str, content_type: str) -> FileResponse:
    """Send a file, to be saved and never to be shown: what is in it may be a page."""
    headers = {"Cache-Control": "private, no-store", "Content-Security-Policy": "sandbox"}
    return FileResponse(
        file, as_attachment=True, filename=name, content_type=content_type, headers=headers
    )


# What any route may answer, whoever wrote it. A route may describe its own in more words.
ERRORS = {
    "400": ("Error400", "The request is malformed, or a field of it is not valid."),
    "401": ("Error", "There is no token, or it is no good here."),
    "403": ("Error", "The role does not reach that far, or the tenant is suspended."),
    "404": ("Error", "There is no such row, page, or tenant."),
    "409": ("Error", "The tenant would be left without an Owner."),
    "415": ("Error", "The body is not JSON."),
    "429": ("Error", "Too many requests; Retry-After says when to come again."),
    "503": ("Error", "The tenant is being prepared; Retry-After says when to come again."),
}
ERROR_SCHEMAS = {
    "Error": {
        "type": "object",
        "properties": {"detail": {"type": "string"}, "code": {"type": "string"}},
        "required": ["detail"],
    },
    "Error400": {
        "type": "object",
        "description": "Like Error, or lists of messages by the names of fields.",
        "additionalProperties": {},
    },
}


def describe_errors(result: Any, **kwargs: Any) -> Any:
    """Add to every operation the errors that it may answer with."""
    result["components"]["schemas"] |= ERROR_SCHEMAS
    for path in result["paths"].values():
        for operation in path.values():
            for status, (name, description) in ERRORS.items():
                schema = {"$ref": f"#/components/schemas/{name}"}
                content = {"application/json": {"schema": schema}}
                error = {"description": description, "content": content}
                operation["responses"].setdefault(status, error)
    return result
