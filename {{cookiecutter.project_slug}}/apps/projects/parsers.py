"""Parsers for bodies with files."""

from typing import Any

from django.conf import settings
from rest_framework.parsers import MultiPartParser

from apps.projects import selectors
from apps.projects.exceptions import FileTooLarge, StorageFull

FRAME = 64 * 1024
"""Bytes that a body may contain besides its file."""


class UploadParser(MultiPartParser):
    """Parser for multipart bodies that refuses too large ones before it reads them."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """Parse the body; raise `FileTooLarge` or `StorageFull` from its Content-Length."""
        length = int(parser_context["request"].META.get("CONTENT_LENGTH", 0))
        if length > settings.ATTACHMENT_MAX_BYTES + FRAME:
            raise FileTooLarge
        if not selectors.has_room(max(0, length - FRAME)):
            raise StorageFull
        return super().parse(stream, media_type, parser_context)
