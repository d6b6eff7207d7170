"""Django's own, by the names that the product imports."""

from typing import Any

from apps.isolation.fields import new_id
from apps.isolation.integrations.rest_framework import TenantModelSerializer
from django.conf import settings
from django.db import models

__all__ = ["TenantModel", "TenantModelSerializer", "UserForeignKey", "require_tenant"]


class TenantModel(models.Model):
    """A model of nobody in particular."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)

    class Meta:
        abstract = True


class UserForeignKey(models.ForeignKey[Any, Any]):
    """Points at a user."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs |= {"to": settings.AUTH_USER_MODEL, "on_delete": models.PROTECT}
        super().__init__(**{"related_name": "+", **kwargs})


def tenant_unique(*fields: str, name: str) -> models.UniqueConstraint:
    """Make values unique."""
    return models.UniqueConstraint(fields=fields, name=name)


def tenant_index(*fields: str, name: str) -> models.Index:
    """Index fields."""
    return models.Index(fields=fields, name=name)


def require_tenant() -> Any:
    """Refuse: there are no tenants."""
    raise NotImplementedError
