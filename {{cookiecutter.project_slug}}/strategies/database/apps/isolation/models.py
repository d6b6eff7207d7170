"""Bases of the models on either side of the wall."""

from django.db import models

from apps.isolation.identifiers import new_id


class TenantBase(models.Model):
    """What a tenant's row holds for the wall: nothing but its id."""

    class Meta:
        abstract = True


class DomainBase(models.Model):
    """What a domain's row holds for the wall: nothing."""

    class Meta:
        abstract = True


class TenantModel(models.Model):
    """Base of every model whose rows belong to a tenant. Its table is in the tenant's database."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)

    class Meta:
        abstract = True


def tenant_unique(*fields: str, name: str) -> models.UniqueConstraint:
    """Make values of ``fields`` unique within a tenant."""
    return models.UniqueConstraint(fields=fields, name=name)


def tenant_index(*fields: str, name: str) -> models.Index:
    """Index ``fields`` within a tenant."""
    return models.Index(fields=fields, name=name)
