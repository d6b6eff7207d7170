"""Error responses for tenants that cannot be served."""

from rest_framework import exceptions, status


class TenantNotFound(exceptions.APIException):
    """The tenant does not exist, or the caller may not know it: the answer is the same."""

    status_code = status.HTTP_404_NOT_FOUND
    default_detail = "There is no such tenant."
    default_code = "tenant_not_found"


class TenantConflict(exceptions.APIException):
    """The host and the header name different tenants."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_detail = "The X-Tenant header names another tenant than the host."
    default_code = "tenant_conflict"


class TenantSuspended(exceptions.APIException):
    """The tenant is suspended or archived; only its members get this answer."""

    status_code = status.HTTP_403_FORBIDDEN
    default_detail = "This tenant is suspended."
    default_code = "tenant_suspended"


class TenantMoving(exceptions.APIException):
    """The tenant moves to another installation, and is only read for some seconds."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "This tenant is being moved. Try again in a few seconds."
    default_code = "tenant_moving"
    wait = 5


class TenantMoved(exceptions.APIException):
    """Another installation serves the tenant now; only its members here get this answer."""

    status_code = status.HTTP_421_MISDIRECTED_REQUEST
    default_detail = "This tenant has moved to another server."
    default_code = "tenant_moved"


class TenantNotReady(exceptions.APIException):
    """The tenant's storage is still being created."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "This tenant is still being prepared."
    default_code = "tenant_not_ready"
    wait = 5
    """Seconds until a retry; Django REST framework sends them as Retry-After."""


class TenantBusy(exceptions.APIException):
    """The process serves the maximum number of concurrent requests of the tenant."""

    status_code = status.HTTP_429_TOO_MANY_REQUESTS
    default_detail = "Too many requests of this tenant are being served. Try again."
    default_code = "tenant_busy"
    wait = 1
