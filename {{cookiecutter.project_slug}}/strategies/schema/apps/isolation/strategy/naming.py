"""Names of tenants' schemas."""

import re
from typing import Final
from uuid import UUID

PUBLIC: Final = "public"
"""The schema of the shared data."""

TEMPLATE: Final = "tenant_template"
"""The schema that is copied for new tenants. ``migrate`` migrates it first."""

ADVICE: Final = "Enter a tenant with apps.isolation.tenant_context(tenant)."
"""Error message for django-tenants' own ways to enter a tenant."""

COPY: Final = "tenant_copy"
"""Stands for a new tenant's schema in the statements that copy the template."""

PATTERN: Final = "^t_[0-9a-f]{32}$"
"""Regular expression that only names of tenants' schemas match."""


def physical_name(tenant_id: UUID) -> str:
    """Return the name of a tenant's schema.

    It is derived from the id, not from the slug: a slug can be renamed or reused, and user input
    must not become an identifier.
    """
    return f"t_{tenant_id.hex}"


def as_in_template(name: str) -> str:
    """Return the template's name of an object, given the qualified name of a tenant's copy."""
    return re.sub(r"\bt_[0-9a-f]{32}\.", f"{TEMPLATE}.", name)
