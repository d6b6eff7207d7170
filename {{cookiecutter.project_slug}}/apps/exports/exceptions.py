"""Error responses of exports."""

from http import HTTPStatus

from rest_framework.exceptions import APIException


class TenantExportTooSoon(APIException):
    """An export of the tenant is being written, or is recent enough to download."""

    status_code = HTTPStatus.TOO_MANY_REQUESTS
    default_detail = "A recent export already exists. Download that one."
    default_code = "export_too_soon"

    def __init__(self, wait: int) -> None:
        super().__init__()
        self.wait = wait
