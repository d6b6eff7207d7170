"""How the API sends files."""

from typing import Any

from django.http import FileResponse
from rest_framework.request import Request


class ContentMixin:
    """A view with an action ``content``, which sends a file."""

    action: str

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Ignore what the client says that it accepts: a file's type is what it is."""
        parent: Any = super()
        return parent.perform_content_negotiation(request, force or self.action == "content")


def download(file: object, name: str, content_type: str) -> FileResponse:
    """Send a file, to be saved and never to be shown: what is in it may be a page.

    Its name may be any text; what a header cannot hold is left out.
    """
    name = "".join(filter(str.isprintable, name)) or "file"
    headers = {"Cache-Control": "private, no-store", "Content-Security-Policy": "sandbox"}
    return FileResponse(
        file, as_attachment=True, filename=name, content_type=content_type, headers=headers
    )
