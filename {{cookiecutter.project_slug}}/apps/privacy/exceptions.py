"""Error responses of privacy requests."""

from http import HTTPStatus

from rest_framework.exceptions import APIException


class ExportTooSoon(APIException):
    """An export of this person's data is open, or recent enough to download."""

    status_code = HTTPStatus.TOO_MANY_REQUESTS
    default_detail = "An export of this person's data already exists. Download that one."
    default_code = "export_too_soon"

    def __init__(self, wait: int) -> None:
        super().__init__()
        self.wait = wait
