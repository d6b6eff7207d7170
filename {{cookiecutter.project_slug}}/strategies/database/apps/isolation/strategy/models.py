"""Base classes of tenant models, and of the models of tenants and domains."""

import re

from django.contrib.contenttypes.models import ContentTypeManager
from django.db import models

from apps.isolation.app_registry import SHARED_DB
from apps.isolation.strategy import shared_keys
from apps.isolation.strategy.naming import PATTERN
from apps.isolation.strategy.tenant_model import TenantModel, tenant_index, tenant_unique

__all__ = ["DomainBase", "TenantBase", "TenantModel", "tenant_index", "tenant_unique"]


class TenantBase(models.Model):
    """Base of the tenant model. A tenant's database is named after the tenant's id."""

    class Meta:
        abstract = True


class DomainBase(models.Model):
    """Base of the domain model."""

    class Meta:
        abstract = True


def _shared_types(
    self: ContentTypeManager, using: str | None = None, hints: dict[str, models.Model] | None = None
) -> ContentTypeManager:
    is_tenants = re.fullmatch(PATTERN, using or "")
    return super(ContentTypeManager, self).db_manager(SHARED_DB if is_tenants else using, hints)


# A generic relation looks up content types in the database of its row. They are shared data,
# which tenants have copied for joins only, and Django has no setting for this.
ContentTypeManager.db_manager = _shared_types  # type: ignore[assignment, method-assign]
shared_keys.install()
