"""Pictures for tests."""

from io import BytesIO
from typing import Any

from PIL import Image


def picture(
    kind: str = "PNG", size: tuple[int, int] = (300, 200), color: str = "red", **options: Any
) -> bytes:
    """Return the content of a picture file."""
    to = BytesIO()
    Image.new("RGB", size, color).save(to, kind, **options)
    return to.getvalue()
