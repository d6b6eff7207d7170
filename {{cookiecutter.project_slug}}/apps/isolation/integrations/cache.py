"""Tenant-scoped cache keys."""

from apps.isolation.context import require_tenant


def tenant_key(key: str, key_prefix: str, version: int) -> str:
    """Return the key under which the active tenant's value is cached (``KEY_FUNCTION``).

    Raises `NoTenantError` without a tenant.
    """
    return f"{require_tenant().id}:{key_prefix}:{version}:{key}"
