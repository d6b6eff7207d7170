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


class MembershipManager[M: Model](PerTenantManager[M]):
    """Memberships may be asked for by tenant or by user."""

    def for_user(self, user: Model) -> QuerySet[M]:
        """Return the memberships of ``user`` in all tenants."""
        return super(PerTenantManager, self).get_queryset().filter(user_id=user.pk)

    def of_user_in(self, user_id: object, tenant_id: UUID) -> QuerySet[M]:
        """Return a user's membership of a tenant, with both, in one query."""
        return self.for_tenant(tenant_id).filter(user_id=user_id).select_related("user", "tenant")
