"""Base classes of tenant models, and of the models of tenants and domains."""

from collections.abc import Collection
from typing import Any, NoReturn

from django.db import models
from django_tenants.models import DomainMixin, TenantMixin

from apps.isolation.strategy import unconstrained_keys
from apps.isolation.strategy.naming import ADVICE, physical_name
from apps.isolation.strategy.tenant_model import TenantModel, tenant_index, tenant_unique

__all__ = ["DomainBase", "TenantBase", "TenantModel", "tenant_index", "tenant_unique"]


class TenantBase(TenantMixin):
    """Base of the tenant model, with the name of the tenant's schema."""

    class Meta:
        abstract = True

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        """Validate the fields with the schema's name, which is derived from the id."""
        self.schema_name = physical_name(self.pk)
        super().clean_fields(exclude)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the row with the schema's name, which is derived from the id.

        It skips django-tenants' ``save``, which creates schemas.
        """
        self.schema_name = physical_name(self.pk)
        models.Model.save(self, *args, **kwargs)

    # delete() removes only the row, too. provision() and deprovision() manage the schema.
    delete = models.Model.delete

    def create_schema(self, *args: object, **kwargs: object) -> NoReturn:
        """Raise an error, since django-tenants would run all migrations."""
        message = (
            "Make a tenant's schema with apps.isolation.strategy.provisioning.provision(tenant)."
        )
        raise NotImplementedError(message)

    @staticmethod
    def deactivate(*args: object) -> NoReturn:
        """Raise an error, since it would change the owner's connection."""
        raise NotImplementedError(ADVICE)

    __enter__ = __exit__ = activate = deactivate


class DomainBase(DomainMixin):
    """Base of the domain model."""

    class Meta:
        abstract = True

    # django-tenants' method silently clears is_primary of the tenant's other domains. Here a
    # constraint of the model refuses a second primary domain.
    save = models.Model.save


unconstrained_keys.install()
