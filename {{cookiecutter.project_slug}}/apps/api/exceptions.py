"""Exceptions that belong to no app."""

from http import HTTPStatus

from django.template.defaultfilters import filesizeformat
from rest_framework.exceptions import APIException


class RequestTooLarge(APIException):
    """The body exceeds the size limit."""

    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    default_code = "request_too_large"

    def __init__(self, limit: int) -> None:
        super().__init__(f"A body of this type may have at most {filesizeformat(limit)}.")


class FailedAfterCommit(APIException):
    """The change is saved, but a later step, such as a mail, failed."""

    default_detail = "The change was saved, but a later step failed. Do not send the request again."
    default_code = "failed_after_commit"


class LengthRequired(APIException):
    """The server cannot determine the end of the body."""

    status_code = HTTPStatus.LENGTH_REQUIRED
    default_detail = "Send the body with a Content-Length."
    default_code = "length_required"


class UnsupportedCharset(APIException):
    """The body is not UTF-8."""

    status_code = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    default_detail = "Send the body in UTF-8."
    default_code = "unsupported_media_type"


class FilesUnavailable(APIException):
    """The disk is full, or the process may not write to the folder."""

    status_code = HTTPStatus.SERVICE_UNAVAILABLE
    default_detail = "Files cannot be stored or read at present."
    default_code = "files_unavailable"
