"""Names of tenants' databases.

The settings import this module, so it must not need them on import.
"""

from typing import Final
from uuid import UUID

from apps.isolation.context import ActiveTenant

PATTERN: Final = "^t_[0-9a-f]{32}$"
"""Regular expression that only names of tenants' databases match."""


def physical_name(tenant_id: UUID) -> str:
    """Return the name of a tenant's database, of its login role, and of its alias.

    It is derived from the id, not from the slug: a slug can be renamed or reused, and user input
    must not become an identifier.
    """
    return f"t_{tenant_id.hex}"


def tenant_of(name: str) -> ActiveTenant:
    """Return the tenant of the database with this name."""
    return ActiveTenant(UUID(name.removeprefix("t_")))
