"""Bases of the models on either side of the wall."""

import re
from typing import Any

from django.contrib.contenttypes.models import ContentTypeManager
from django.db import models

from apps.isolation.databases import PATTERN
from apps.isolation.own_tables import TenantModel, tenant_index, tenant_unique
from apps.isolation.placement import CATALOGUE

__all__ = ["DomainBase", "TenantBase", "TenantModel", "tenant_index", "tenant_unique"]


class TenantBase(models.Model):
    """What a tenant's row holds for the wall: nothing but its id."""

    class Meta:
        abstract = True


class DomainBase(models.Model):
    """What a domain's row holds for the wall: nothing."""

    class Meta:
        abstract = True


def _of_types(self: ContentTypeManager, using: str | None = None, hints: Any = None) -> Any:
    is_tenants = re.fullmatch(PATTERN, using or "")
    return super(ContentTypeManager, self).db_manager(CATALOGUE if is_tenants else using, hints)


# A generic relation looks for the types of models where the row is that has it. Django lets nobody
# choose, and the types are in the catalogue only.
ContentTypeManager.db_manager = _of_types  # type: ignore[assignment, method-assign]
