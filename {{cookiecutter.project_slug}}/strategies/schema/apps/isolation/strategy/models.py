"""Base classes of tenant models, and of the models of tenants and domains."""

from collections.abc import Collection
from typing import Any, NoReturn

from django.db import models
from django_tenants.models import DomainMixin, TenantMixin

from apps.isolation.strategy.naming import ADVICE, physical_name
from apps.isolation.strategy.tenant_model import TenantModel, tenant_index, tenant_unique

__all__ = ["DomainBase", "TenantBase", "TenantModel", "tenant_index", "tenant_unique"]


class TenantBase(TenantMixin):
    """Base of the tenant model; it has the name of the tenant's schema."""

    class Meta:
        abstract = True

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        """Validate the row with the schema's name, which follows from the id."""
        self.schema_name = physical_name(self.pk)
        super().clean_fields(exclude)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the row, with the schema's name, which follows from the id.

        This skips django-tenants' own ``save``, which makes schemas.
        """
        self.schema_name = physical_name(self.pk)
        models.Model.save(self, *args, **kwargs)

    # Deletes the row alone, too; provision() and deprovision() are for the schema.
    delete = models.Model.delete

    def create_schema(self, *args: object, **kwargs: object) -> NoReturn:
        """Refuse to run all migrations for a schema."""
        message = (
            "Make a tenant's schema with apps.isolation.strategy.provisioning.provision(tenant)."
        )
        raise NotImplementedError(message)

    @staticmethod
    def deactivate(*args: object) -> NoReturn:
        """Refuse to switch the owner's connection, which serves nobody."""
        raise NotImplementedError(ADVICE)

    __enter__ = __exit__ = activate = deactivate


class DomainBase(DomainMixin):
    """Base of the domain model."""

    class Meta:
        abstract = True

    # django-tenants' own silently clears is_primary of the tenant's other domains; here a
    # constraint of the model refuses a second primary domain.
    save = models.Model.save
