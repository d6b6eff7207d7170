"""Sending files from the API."""

from typing import Any

from django.http import FileResponse
from rest_framework.request import Request


class ContentMixin:
    """A view with an action ``content``, which sends a file."""

    action: str

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Ignore the Accept header: a file has one type."""
        parent: Any = super()
        return parent.perform_content_negotiation(request, force or self.action == "content")


def download(file: object, name: str, content_type: str) -> FileResponse:
    """Send a file as a download, never inline: its content may be an HTML page.

    The name may be any text; characters that a header cannot contain are omitted.
    """
    name = "".join(filter(str.isprintable, name)) or "file"
    headers = {"Cache-Control": "private, no-store", "Content-Security-Policy": "sandbox"}
    return FileResponse(
        file, as_attachment=True, filename=name, content_type=content_type, headers=headers
    )
