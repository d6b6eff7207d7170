"""Names of connections and of tenants' rows."""

from typing import Final
from uuid import UUID

SHARED_DB: Final = "default"
"""Shared data and tenants' rows are in one database."""


def physical_name(tenant_id: UUID) -> str:
    """Return the value of ``tenant_id`` in the tenant's rows."""
    return str(tenant_id)
