"""Photos: uploaded pictures are converted into small, square files."""

import logging
from io import BytesIO
from threading import Lock
from typing import IO

from django.conf import settings
from django.core.files.base import ContentFile
from django.http import FileResponse, Http404
from PIL import Image, ImageOps

from apps.api.downloads import download
from apps.api.uploads import UploadParser, storage_errors
from apps.profiles.exceptions import PhotoInvalid, PhotoTooLarge
from apps.profiles.models import Profile

logger = logging.getLogger(__name__)

MOST_PIXELS = 25_000_000
"""Largest number of pixels of a picture. Decoding takes up to ten bytes of memory for each."""
SIDE = 256
"""Width and height of a stored photo, in pixels."""
CONTENT_TYPE = "image/webp"
_FORMATS = ("JPEG", "PNG", "WEBP")
_ONE_AT_A_TIME = Lock()
"""Bounds the memory of a process: it decodes one picture at a time."""


def send_photo(profile: Profile) -> FileResponse:
    """Send a stored photo; raise `Http404` if its file is lost or was replaced just now."""
    with storage_errors():
        try:
            file = profile.photo.open()
        except FileNotFoundError:
            raise Http404 from None
    return download(file, "photo.webp", CONTENT_TYPE)


class PhotoParser(UploadParser):
    """Parser for the body of a photo."""

    def require_size(self, size: int) -> None:
        """Raise `PhotoTooLarge` for a body whose picture has too many bytes."""
        require_size(size)


def require_size(size: int) -> None:
    """Raise `PhotoTooLarge` for a picture of more bytes than ``PHOTO_MAX_BYTES``."""
    if size > settings.PHOTO_MAX_BYTES:
        raise PhotoTooLarge


def converted(upload: IO[bytes]) -> ContentFile[bytes]:
    """Return the middle of a picture as a square WebP file without metadata.

    Raises `PhotoInvalid` unless it is a JPEG, PNG or WebP file of at most ``MOST_PIXELS``. The file
    is encoded anew, so it contains nothing of the upload but its pixels.
    """
    try:
        with _ONE_AT_A_TIME:
            photo = _decoded(upload)
    except MemoryError:
        raise
    except Exception as error:  # Pillow raises errors of many types for bad files
        logger.info("A picture was refused.", exc_info=True)
        raise PhotoInvalid(MOST_PIXELS) from error
    to = BytesIO()
    photo.save(to, "WEBP")
    return ContentFile(to.getvalue(), "photo")


def _decoded(upload: IO[bytes]) -> Image.Image:
    """Return the middle of a picture, small, square and upright."""
    with Image.open(upload, formats=_FORMATS) as image:
        if image.width * image.height > MOST_PIXELS:
            message = f"{image.width} x {image.height} pixels."
            raise ValueError(message)
        image.draft("RGB", (SIDE * 2, SIDE * 2))  # decodes a JPEG at a smaller size
        # Small before it is turned and converted: each of these steps makes another copy.
        small = ImageOps.fit(image, (SIDE, SIDE))
    return ImageOps.exif_transpose(small).convert("RGBA")
