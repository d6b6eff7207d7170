"""Answers to requests whose tenant is not to be served."""

from rest_framework import exceptions, status


class TenantNotFound(exceptions.APIException):
    """No such tenant, or none that the caller may know of: the answer is the same."""

    status_code = status.HTTP_404_NOT_FOUND
    default_detail = "There is no such tenant."
    default_code = "tenant_not_found"


class TenantConflict(exceptions.APIException):
    """Host and header name two tenants."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_detail = "The X-Tenant header names another tenant than the host."
    default_code = "tenant_conflict"


class TenantSuspended(exceptions.APIException):
    """The tenant is suspended or archived; told to its members only."""

    status_code = status.HTTP_403_FORBIDDEN
    default_detail = "This tenant is suspended."
    default_code = "tenant_suspended"


class TenantNotReady(exceptions.APIException):
    """The tenant's storage is still being made."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "This tenant is still being prepared."
    default_code = "tenant_not_ready"
    wait = 5
    """Seconds after which to try again; Django REST framework makes it Retry-After."""


class TenantBusy(exceptions.APIException):
    """The process serves as many requests of the tenant as it may at a time."""

    status_code = status.HTTP_429_TOO_MANY_REQUESTS
    default_detail = "Too many requests of this tenant are being served. Try again."
    default_code = "tenant_busy"
    wait = 1
