"""Names of tenants' rows."""

from uuid import UUID


def physical_name(tenant_id: UUID) -> str:
    """Return the value of ``tenant_id`` in the tenant's rows."""
    return str(tenant_id)
