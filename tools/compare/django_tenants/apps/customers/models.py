"""Tenants, as in the tutorial of django-tenants."""

from django.db import models
from django_tenants.models import DomainMixin, TenantMixin


class Client(TenantMixin):
    """A tenant; its schema is made and migrated when it is saved."""

    name = models.CharField(max_length=100)
    auto_create_schema = True


class Domain(DomainMixin):
    """A host name of a tenant."""
