"""Django's own, by the names that the product imports."""

from apps.isolation.fields import new_id
from django.db import models


class TenantModel(models.Model):
    """A model without a tenant."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)

    class Meta:
        abstract = True


def tenant_unique(*fields: str, name: str) -> models.UniqueConstraint:
    """Make values unique."""
    return models.UniqueConstraint(fields=fields, name=name)


def tenant_index(*fields: str, name: str) -> models.Index:
    """Index fields."""
    return models.Index(fields=fields, name=name)
