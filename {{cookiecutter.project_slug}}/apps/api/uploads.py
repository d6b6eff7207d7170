"""Upload handlers that read a body in large pieces.

Gunicorn buffers up to a megabyte of a body, and copies what remains for every piece that is taken
from it (``gunicorn/http/unreader.py``). Django's pieces of 64 KiB therefore cost processor time,
for which the requests of other tenants wait.
"""

from django.core.files import uploadhandler

CHUNK = 1024**2


class MemoryFileUploadHandler(uploadhandler.MemoryFileUploadHandler):
    """Django's handler of small files, in large pieces."""

    chunk_size = CHUNK


class TemporaryFileUploadHandler(uploadhandler.TemporaryFileUploadHandler):
    """Django's handler of large files, in large pieces."""

    chunk_size = CHUNK
