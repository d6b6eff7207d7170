"""Exceptions of the isolation layer."""

from django.core.exceptions import FieldError, PermissionDenied


class NoTenantError(Exception):
    """Tenant data was accessed while no tenant was active."""

    default_code = "no_tenant"

    def __init__(self) -> None:
        super().__init__("No tenant is active: enter one with tenant_context(tenant).")


class TenantUnavailableError(Exception):
    """The tenant exists but may not be entered; its status says why."""


class WrongTenantError(PermissionDenied):
    """An object, query or row of another tenant was used. The response is 403."""

    default_code = "wrong_tenant"


class SharedJoinError(FieldError):
    """A query tried to join a tenant's table to shared data."""

    default_code = "shared_join"


class ProvisioningError(Exception):
    """A tenant's tables cannot be created. The message says what to do."""


class WritesContinueError(Exception):
    """A transaction that writes to a tenant's tables is open for too long."""
