"""Serializers of django-rls-tenants, by the name that the product imports."""

from typing import Generic, TypeVar

from apps.isolation.integrations.product_serializers import (
    TenantModelSerializer as ProductSerializer,
)
from django.db import models
from django_rls_tenants.contrib.drf import RLSTenantSerializerMixin

M = TypeVar("M", bound=models.Model)


class TenantModelSerializer(RLSTenantSerializerMixin, ProductSerializer[M], Generic[M]):
    """Refuses foreign keys to rows of other tenants."""
