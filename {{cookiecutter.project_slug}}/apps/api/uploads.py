"""Receiving files: upload handlers, parsers of bodies with files, errors of the storage.

Gunicorn buffers up to a megabyte of a body, and copies the rest of its buffer for every piece that
it returns (``gunicorn/http/unreader.py``). With Django's pieces of 64 KiB, this takes processor
time from the requests of other tenants. So the handlers read a body in large pieces.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.files import uploadhandler
from rest_framework.parsers import MultiPartParser

from apps.api.exceptions import FilesUnavailable

logger = logging.getLogger(__name__)

CHUNK = 1024**2
FRAME = 64 * 1024
"""Bytes that a body may contain besides its file."""


class MemoryFileUploadHandler(uploadhandler.MemoryFileUploadHandler):
    """Django's handler of small files, in large pieces."""

    chunk_size = CHUNK


class TemporaryFileUploadHandler(uploadhandler.TemporaryFileUploadHandler):
    """Django's handler of large files, in large pieces."""

    chunk_size = CHUNK


class UploadParser(MultiPartParser):
    """Parser for multipart bodies, which refuses too large ones before it reads them."""

    def require_size(self, size: int) -> None:
        """Raise an error if a file of this many bytes is too large. Implemented by subclasses."""
        raise NotImplementedError

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """Parse the body if its Content-Length is acceptable."""
        length = int(parser_context["request"].META.get("CONTENT_LENGTH", 0))
        self.require_size(max(0, length - FRAME))
        return super().parse(stream, media_type, parser_context)


@contextmanager
def storage_errors() -> Iterator[None]:
    """Raise `FilesUnavailable` for errors of the operating system."""
    try:
        yield
    except OSError as error:
        logger.exception("A file could not be stored or read.")
        raise FilesUnavailable from error
