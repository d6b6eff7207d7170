"""The bases of django-rls-tenants, by the names that the product imports."""

from typing import Any

from apps.isolation.fields import new_id
from django.db import models
from django.db.models.signals import class_prepared
from django.dispatch import receiver
from django_rls_tenants import RLSConstraint, RLSProtectedModel
from django_rls_tenants.tenants.state import get_current_tenant_id


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


def tenant_unique(*fields: str, name: str) -> models.UniqueConstraint:
    """Make values unique within a tenant."""
    return models.UniqueConstraint(fields=["tenant", *fields], name=name)


def tenant_index(*fields: str, name: str) -> models.Index:
    """Index fields within a tenant."""
    return models.Index(fields=["tenant", *fields], name=name)
