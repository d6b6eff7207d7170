"""What the wall raises."""

from django.core.exceptions import FieldError, PermissionDenied


class NoActiveTenant(Exception):
    """Tenant-owned data was asked for while no tenant was active."""

    def __init__(self) -> None:
        super().__init__("No tenant is active: enter one with tenant_context(tenant).")


class TenantNotUsable(Exception):
    """The tenant exists but may not be entered: it is being prepared, suspended or archived."""


class WallViolation(PermissionDenied):
    """The database refused to read or write a row of another tenant (answered with 403)."""


class CatalogueJoin(FieldError):
    """A query tried to join a tenant's table to the catalogue."""
