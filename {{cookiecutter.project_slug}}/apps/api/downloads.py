"""Sending files from the API."""

from django.http import FileResponse
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView


class ContentMixin(APIView):
    """A view with an action ``content``, which sends a file."""

    action: str

    def perform_content_negotiation(
        self, request: Request, force: bool = False
    ) -> tuple[BaseRenderer, str]:
        """Ignore the Accept header: a file has one type."""
        return super().perform_content_negotiation(request, force or self.action == "content")


def download(file: object, name: str, content_type: str) -> FileResponse:
    """Send a file as a download, never inline: its content may be an HTML page.

    The name may be any text; characters that a header cannot contain are omitted.
    """
    name = "".join(filter(str.isprintable, name)) or "file"
    headers = {"Cache-Control": "private, no-store", "Content-Security-Policy": "sandbox"}
    return FileResponse(
        file, as_attachment=True, filename=name, content_type=content_type, headers=headers
    )
