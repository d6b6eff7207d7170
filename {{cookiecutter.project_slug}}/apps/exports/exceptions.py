"""Error responses of exports."""

from http import HTTPStatus

from rest_framework.exceptions import APIException


class TenantExportTooSoon(APIException):
    """An export of the tenant is being written, or is recent enough to download."""

    status_code = HTTPStatus.TOO_MANY_REQUESTS
    default_code = "export_too_soon"

    def __init__(self, wait: int, *, is_pending: bool) -> None:
        pending, recent = "An export is being written.", "Download the recent export."
        super().__init__(pending if is_pending else recent)
        self.wait = wait


class TenantExportTooLarge(APIException):
    """The tenant's files are too large for an archive that the server writes."""

    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    default_detail = "The files of this workspace are too large for an export here. Contact us."
    default_code = "export_too_large"
