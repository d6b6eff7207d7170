"""Names of schemas."""

from typing import Final
from uuid import UUID

PUBLIC: Final = "public"
"""The catalogue."""

TEMPLATE: Final = "tenant_template"
"""What a new tenant's schema is copied from; ``migrate`` keeps it at head."""

ADVICE: Final = "Enter a tenant with apps.isolation.tenant_context(tenant)."
"""What is answered to django-tenants' own ways to do so."""

AT_HEAD: Final = "at head"
"""The template's comment once all migrations have been applied to it; then it may be copied."""

PATTERN: Final = "^t_[0-9a-f]{32}$"
"""Regular expression that tenants' schemas match, and nothing else does."""


def schema_name(tenant_id: UUID) -> str:
    """Return the name of a tenant's schema.

    From the id and not from the slug: a slug may be renamed or given to somebody else, and no
    text that a user typed becomes an identifier.
    """
    return f"t_{tenant_id.hex}"
