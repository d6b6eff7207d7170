"""Attachments: how a file comes in, and goes with its row."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.template.defaultfilters import filesizeformat
from rest_framework.exceptions import APIException
from rest_framework.parsers import MultiPartParser

from apps.authentication.models import User
from apps.projects.models import Attachment, Task, place_of

logger = logging.getLogger(__name__)

FRAME = 64 * 1024
"""Bytes that a body may have beside its file."""

CONTENT_TYPE = re.compile(r"[\w.+-]{1,49}/[\w.+-]{1,50}", re.ASCII)
UNKNOWN_TYPE = "application/octet-stream"


class FileTooLarge(APIException):
    """The file has more bytes than an attachment may have."""

    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    default_code = "file_too_large"

    def __init__(self) -> None:
        super().__init__(f"A file has {filesizeformat(settings.ATTACHMENT_MAX_BYTES)} at most.")


class FilesUnavailable(APIException):
    """The disk is full, or the folder is not ours to use."""

    status_code = HTTPStatus.SERVICE_UNAVAILABLE
    default_detail = "Files can be neither stored nor read now."
    default_code = "files_unavailable"


class UploadParser(MultiPartParser):
    """Multipart bodies, refused before they are read if they are too long to be accepted."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """Return what the body holds; raise `FileTooLarge` by what its header says."""
        length = int(parser_context["request"].META.get("CONTENT_LENGTH", 0))
        if length > settings.ATTACHMENT_MAX_BYTES + FRAME:
            raise FileTooLarge
        return super().parse(stream, media_type, parser_context)


def attach(task: Task, upload: UploadedFile[Any], uploader: User) -> Attachment:
    """Store a file and its row, or neither.

    In a transaction of its own: of one around it nobody would hear that it failed, and the file
    would stay.
    """
    attachment = Attachment(
        task=task,
        file=upload,
        name=_printable(upload.name or "") or "file",
        content_type=_known(upload.content_type or ""),
        size=upload.size or 0,
        uploader=uploader,
    )
    storage = attachment.file.storage
    try:
        with transaction.atomic(durable=True):
            attachment.save()
    except BaseException:
        with suppress(OSError):
            storage.delete(place_of(attachment))
        raise
    return attachment


@contextmanager
def files() -> Iterator[None]:
    """Work with files; raise `FilesUnavailable` for what the operating system refuses."""
    try:
        yield
    except OSError as error:
        logger.exception("A file could not be stored or read.")
        raise FilesUnavailable from error


def _printable(name: str) -> str:
    """Return the name without what would break a header, or show it as what it is not."""
    return "".join(filter(str.isprintable, name))


def _known(content_type: str) -> str:
    return content_type if CONTENT_TYPE.fullmatch(content_type) else UNKNOWN_TYPE
