"""Bases of the models on either side of the wall."""

from typing import Any, NoReturn

from django.db import models
from django_tenants.models import DomainMixin, TenantMixin

from apps.isolation.own_tables import TenantModel, tenant_index, tenant_unique
from apps.isolation.schemas import ADVICE, schema_name

__all__ = ["DomainBase", "TenantBase", "TenantModel", "tenant_index", "tenant_unique"]


class TenantBase(TenantMixin):
    """What a tenant's row holds for the wall: the name of its schema."""

    class Meta:
        abstract = True

    def clean_fields(self, exclude: Any = None) -> None:
        """Judge the row, with the schema's name, which follows from the id."""
        self.schema_name = schema_name(self.pk)
        super().clean_fields(exclude)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the row, with the schema's name, which follows from the id.

        Past django-tenants' own ``save``, which is there to make schemas.
        """
        self.schema_name = schema_name(self.pk)
        models.Model.save(self, *args, **kwargs)

    # The row alone, too: what becomes of the schema is for provision() and deprovision().
    delete = models.Model.delete

    def create_schema(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse to run all migrations for a schema."""
        message = "Make a tenant's schema with apps.isolation.provision(tenant)."
        raise NotImplementedError(message)

    @staticmethod
    def deactivate(*args: Any) -> NoReturn:
        """Refuse to switch the owner's connection, which serves nobody."""
        raise NotImplementedError(ADVICE)

    __enter__ = __exit__ = activate = deactivate


class DomainBase(DomainMixin):
    """What a domain's row holds for the wall."""

    class Meta:
        abstract = True

    # django-tenants' own would quietly take is_primary from the tenant's other domains; here a
    # constraint of the model refuses a second primary domain.
    save = models.Model.save
