"""Base class and helpers of tenant models, for tenants with their own tables."""

from typing import ClassVar, Self

from django.db import models

from apps.isolation.fields import new_id
from apps.isolation.managers import TenantManager
from apps.isolation.ownership import TenantBoundModel


class TenantModel(TenantBoundModel):
    """Base of every model whose rows belong to a tenant."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)

    objects: ClassVar[TenantManager[Self]] = TenantManager()

    class Meta:
        abstract = True


def tenant_unique(*fields: str, name: str) -> models.UniqueConstraint:
    """Make values of ``fields`` unique within a tenant."""
    return models.UniqueConstraint(fields=fields, name=name)


def tenant_index(*fields: str, name: str) -> models.Index:
    """Index ``fields`` within a tenant."""
    return models.Index(fields=fields, name=name)
