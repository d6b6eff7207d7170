"""The bases of django-rls-tenants, by the names that the product imports."""

from typing import Any, Generic, TypeVar

from apps.isolation.fields import new_id
from apps.isolation.integrations.rest_framework import TenantModelSerializer as PlainModelSerializer
from django.conf import settings
from django.db import models
from django.db.models.signals import class_prepared
from django.dispatch import receiver
from django_rls_tenants import RLSConstraint, RLSProtectedModel
from django_rls_tenants.contrib.drf import RLSTenantSerializerMixin
from django_rls_tenants.tenants.state import get_current_tenant_id

__all__ = ["TenantModel", "TenantModelSerializer", "UserForeignKey", "require_tenant"]


M = TypeVar("M", bound=models.Model)


class TenantModelSerializer(RLSTenantSerializerMixin, PlainModelSerializer[M], Generic[M]):
    """Refuses foreign keys to rows of other tenants."""


class TenantModel(RLSProtectedModel):
    """A model of a tenant."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(
        "customers.Tenant",
        on_delete=models.PROTECT,
        default=get_current_tenant_id,
        editable=False,
        related_name="+",
    )

    class Meta:
        abstract = True


@receiver(class_prepared)
def protect(sender: type[models.Model], **_: Any) -> None:
    """Give a model its policy: the product's own Meta does not inherit the library's."""
    if issubclass(sender, TenantModel):
        options = sender._meta
        policy = RLSConstraint(field="tenant", name=f"{options.model_name}_rls")
        options.constraints = [*options.constraints, policy]
        options.original_attrs["constraints"] = options.constraints


class UserForeignKey(models.ForeignKey[Any, Any]):
    """Points at a user."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs |= {"to": settings.AUTH_USER_MODEL, "on_delete": models.PROTECT}
        super().__init__(**{"related_name": "+", **kwargs})


def tenant_unique(*fields: str, name: str) -> models.UniqueConstraint:
    """Make values unique within a tenant."""
    return models.UniqueConstraint(fields=["tenant", *fields], name=name)


def tenant_index(*fields: str, name: str) -> models.Index:
    """Index fields within a tenant."""
    return models.Index(fields=["tenant", *fields], name=name)


def require_tenant() -> Any:
    """Refuse: users belong to one tenant, and are not asked for."""
    raise NotImplementedError
