"""Managers of catalogue models that belong to a tenant."""

from typing import NoReturn
from uuid import UUID

from django.db.models import Manager, Model, QuerySet

from apps.isolation.context import Identified


class NameTheTenant(TypeError):
    """Rows of all tenants were asked for where a tenant has to be named first."""


class PerTenantManager[M: Model](Manager[M]):
    """A manager that answers only once the tenant is named.

    The catalogue's tables hold rows of all tenants in one place, so there is no ``all()`` to
    forget a filter on. Platform code that does mean all uses the model's ``platform`` manager.
    """

    def for_tenant(self, tenant: Identified | UUID | None) -> QuerySet[M]:
        """Return the rows of ``tenant``; raise `NameTheTenant` for None."""
        if tenant is None:
            raise NameTheTenant(self._advice())
        tenant_id = tenant if isinstance(tenant, UUID) else tenant.id
        return super().get_queryset().filter(tenant_id=tenant_id)

    def get_queryset(self) -> NoReturn:
        """Refuse to answer for all tenants."""
        raise NameTheTenant(self._advice())

    def _advice(self) -> str:
        return f"{self.model.__name__}.objects starts with for_tenant(tenant)."
