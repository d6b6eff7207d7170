"""Bodies with files."""

from typing import Any

from django.conf import settings
from rest_framework.parsers import MultiPartParser

from apps.projects import selectors
from apps.projects.exceptions import FileTooLarge, StorageFull

FRAME = 64 * 1024
"""Bytes that a body may have beside its file."""


class UploadParser(MultiPartParser):
    """Multipart bodies, refused before they are read if they are too long to be accepted."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """Return what the body holds; raise `FileTooLarge` or `StorageFull` by its header."""
        length = int(parser_context["request"].META.get("CONTENT_LENGTH", 0))
        if length > settings.ATTACHMENT_MAX_BYTES + FRAME:
            raise FileTooLarge
        if not selectors.has_room(max(0, length - FRAME)):
            raise StorageFull
        return super().parse(stream, media_type, parser_context)
