"""Photos: uploaded pictures are converted into small, square files."""

from io import BytesIO
from typing import IO

from django.core.files.base import ContentFile
from django.http import FileResponse
from PIL import Image, ImageOps

from apps.api.downloads import download
from apps.api.uploads import UploadParser, storage_errors
from apps.profiles.exceptions import PhotoInvalid, PhotoTooLarge
from apps.profiles.models import Profile

MOST_BYTES = 10 * 1024**2
"""Largest size of an uploaded picture."""
MOST_PIXELS = 40_000_000
"""Largest number of pixels; a decoded one takes four bytes of memory."""
SIDE = 256
"""Width and height of a stored photo, in pixels."""
CONTENT_TYPE = "image/webp"
_FORMATS = ("JPEG", "PNG", "WEBP")


def send_photo(profile: Profile) -> FileResponse:
    """Send a stored photo; raise `FilesUnavailable` if it cannot be read."""
    with storage_errors():
        file = profile.photo.open()
    response = download(file, "photo.webp", CONTENT_TYPE)
    response["Cache-Control"] = "private, max-age=86400"  # its address changes with it
    return response


class PhotoParser(UploadParser):
    """Parser for the body of a photo."""

    def require_size(self, size: int) -> None:
        """Raise `PhotoTooLarge`."""
        require_size(size)


def require_size(size: int) -> None:
    """Raise `PhotoTooLarge` for a picture of more bytes than ``MOST_BYTES``."""
    if size > MOST_BYTES:
        raise PhotoTooLarge(MOST_BYTES)


def converted(upload: IO[bytes]) -> ContentFile[bytes]:
    """Return the middle of a picture as a square WebP file without metadata.

    Raises `PhotoInvalid` unless it is a JPEG, PNG or WebP file of at most ``MOST_PIXELS``. The file
    is encoded anew, so it contains nothing of the upload but its pixels.
    """
    to = BytesIO()
    try:
        with Image.open(upload, formats=_FORMATS) as image:
            _require_pixels(image)
            image.draft("RGB", (SIDE * 2, SIDE * 2))  # decodes a JPEG at a smaller size
            upright = ImageOps.exif_transpose(image).convert("RGBA")
            ImageOps.fit(upright, (SIDE, SIDE)).save(to, "WEBP")
    except Exception as error:  # Pillow raises errors of many types for bad files
        raise PhotoInvalid from error
    return ContentFile(to.getvalue(), "photo")


def _require_pixels(image: Image.Image) -> None:
    """Raise ValueError for a picture that would take too much memory when decoded."""
    if image.width * image.height > MOST_PIXELS:
        message = f"More than {MOST_PIXELS} pixels."
        raise ValueError(message)
