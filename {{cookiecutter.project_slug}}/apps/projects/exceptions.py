"""Error responses of attachments."""

from http import HTTPStatus

from django.conf import settings
from django.template.defaultfilters import filesizeformat
from rest_framework.exceptions import APIException


class FileTooLarge(APIException):
    """The file is larger than an attachment may be."""

    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    default_code = "file_too_large"

    def __init__(self) -> None:
        super().__init__(
            f"A file may have at most {filesizeformat(settings.ATTACHMENT_MAX_BYTES)}."
        )


class StorageFull(APIException):
    """The file would exceed the tenant's storage limit."""

    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    default_code = "storage_full"

    def __init__(self) -> None:
        most = filesizeformat(settings.TENANT_STORAGE_BYTES)
        super().__init__(f"All files together may have at most {most}. Delete some first.")
