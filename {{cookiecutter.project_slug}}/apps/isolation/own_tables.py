"""Tenant models, where each tenant has tables of its own."""

from django.db import models

from apps.isolation.identifiers import new_id


class TenantModel(models.Model):
    """Base of every model whose rows belong to a tenant. Its table is the tenant's alone."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)

    class Meta:
        abstract = True


def tenant_unique(*fields: str, name: str) -> models.UniqueConstraint:
    """Make values of ``fields`` unique within a tenant."""
    return models.UniqueConstraint(fields=fields, name=name)


def tenant_index(*fields: str, name: str) -> models.Index:
    """Index ``fields`` within a tenant."""
    return models.Index(fields=fields, name=name)
