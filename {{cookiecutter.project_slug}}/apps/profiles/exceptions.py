"""Error responses of profiles."""

from http import HTTPStatus

from django.conf import settings
from django.template.defaultfilters import filesizeformat
from rest_framework.exceptions import APIException, ValidationError


class PhotoInvalid(ValidationError):
    """The upload is no picture, or one of an unusable format or size."""

    def __init__(self, pixels: int) -> None:
        millions = pixels // 1_000_000
        message = f"Upload a picture in JPEG, PNG or WebP, with at most {millions} million pixels."
        super().__init__({"photo": [message]}, "invalid_image")


class PhotoTooLarge(APIException):
    """The uploaded picture has too many bytes."""

    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    default_code = "file_too_large"

    def __init__(self) -> None:
        super().__init__(f"A picture may have at most {filesizeformat(settings.PHOTO_MAX_BYTES)}.")
