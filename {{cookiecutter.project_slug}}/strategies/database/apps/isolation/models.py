"""Bases of the models on either side of the wall."""

from django.db import models

from apps.isolation.own_tables import TenantModel, tenant_index, tenant_unique

__all__ = ["DomainBase", "TenantBase", "TenantModel", "tenant_index", "tenant_unique"]


class TenantBase(models.Model):
    """What a tenant's row holds for the wall: nothing but its id."""

    class Meta:
        abstract = True


class DomainBase(models.Model):
    """What a domain's row holds for the wall: nothing."""

    class Meta:
        abstract = True
