"""Upload handlers that read a body in large pieces.

Gunicorn buffers up to a megabyte of a body, and copies the rest of its buffer for every piece that
it returns (``gunicorn/http/unreader.py``). With Django's pieces of 64 KiB, this takes processor
time from the requests of other tenants.
"""

from django.core.files import uploadhandler

CHUNK = 1024**2


class MemoryFileUploadHandler(uploadhandler.MemoryFileUploadHandler):
    """Django's handler of small files, in large pieces."""

    chunk_size = CHUNK


class TemporaryFileUploadHandler(uploadhandler.TemporaryFileUploadHandler):
    """Django's handler of large files, in large pieces."""

    chunk_size = CHUNK
