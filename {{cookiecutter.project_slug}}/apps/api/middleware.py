"""Checks a request's body before it is read: charset, length and size."""

import codecs
from tempfile import SpooledTemporaryFile
from typing import IO

from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.deprecation import MiddlewareMixin
from rest_framework.exceptions import APIException

from apps.api.error_responses import error_response
from apps.api.exceptions import LengthRequired, RequestTooLarge, UnsupportedCharset

CHARSETS = {"utf-8", "ascii"}
CHUNK = 64 * 1024
SPOOLED = "spooled_body"
"""Attribute of a request for the content of a chunked body."""


class RequestBodyMiddleware(MiddlewareMixin):
    """Gives every body a length, and refuses invalid ones with 411, 413 or 415."""

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        """Check the headers; read a body without a length."""
        try:
            _require_utf8(request)
            _require_length(request)
        except APIException as error:
            return error_response(request, error)
        return None

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """Release the body."""
        if body := vars(request).get(SPOOLED):
            body.close()
        return response


def _require_utf8(request: HttpRequest) -> None:
    """Raise `UnsupportedCharset`: Django would also decode the query string with it."""
    try:
        charset = codecs.lookup((request.content_params or {}).get("charset", "utf-8")).name
    except (LookupError, ValueError):
        raise UnsupportedCharset from None
    if charset not in CHARSETS:
        raise UnsupportedCharset


def _require_length(request: HttpRequest) -> None:
    limit = _limit_for(request)
    length = request.META.get("CONTENT_LENGTH")
    if not length:
        length = request.META["CONTENT_LENGTH"] = str(_measure(request, limit))
    if not (length.isascii() and length.isdigit()):
        raise LengthRequired
    if limit is not None and int(length[:20]) > limit:
        raise RequestTooLarge(limit)


def _limit_for(request: HttpRequest) -> int | None:
    if request.content_type == "multipart/form-data":
        return int(settings.REQUEST_MAX_BYTES)
    limit: int | None = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    return limit


def _measure(request: HttpRequest, limit: int | None) -> int:
    """Return the length of a body without Content-Length.

    Under WSGI such a body is chunked. Django treats it as empty, since only some servers, such as
    gunicorn, signal its end. Under ASGI, Django has already read the body.
    """
    if not isinstance(request, WSGIRequest):
        stream = vars(request)["_stream"]
        return int(stream.seek(0, 2)) - int(stream.seek(0)) if stream.seekable() else 0
    if "HTTP_TRANSFER_ENCODING" not in request.META:
        return 0
    if not request.environ.get("wsgi.input_terminated"):
        raise LengthRequired
    body: IO[bytes] = SpooledTemporaryFile(  # noqa: SIM115 - closed with the response
        settings.FILE_UPLOAD_MAX_MEMORY_SIZE, dir=settings.FILE_UPLOAD_TEMP_DIR
    )
    vars(request).update({SPOOLED: body, "_stream": body})
    while chunk := request.environ["wsgi.input"].read(CHUNK):
        body.write(chunk)
        if limit is not None and body.tell() > limit:
            raise RequestTooLarge(limit)
    length = body.tell()
    body.seek(0)
    return length
