"""How tenants and memberships are found."""

from typing import Any
from uuid import UUID

from django.db.models import Manager, Model, QuerySet

from apps.isolation.managers import PerTenantManager, TenantRequired


class LockingManager[M: Model](Manager[M]):
    """Hands out tenants to one transaction at a time, if asked so."""

    def locked(self, tenant_id: UUID) -> M:
        """Return a tenant's row; the next one who asks so waits for this transaction's end.

        Whoever changes a tenant, its members or its invitations asks so first, and decides by
        what is stored then.
        """
        return self.select_for_update(no_key=True).get(pk=tenant_id)


class MembershipManager[M: Model](PerTenantManager[M]):
    """Memberships may be asked for by tenant or by user."""

    def for_user(self, user: Any) -> QuerySet[M]:
        """Return the memberships of ``user`` in all tenants; raise `TenantRequired` for nobody."""
        if getattr(user, "pk", None) is None:
            message = f"{self.model.__name__}.objects.for_user(user) needs a user."
            raise TenantRequired(message)
        return super(PerTenantManager, self).get_queryset().filter(user_id=user.pk)

    def of_user_in(self, user_id: object, tenant_id: UUID) -> QuerySet[M]:
        """Return a user's membership of a tenant, with both, in one query."""
        return self.for_tenant(tenant_id).filter(user_id=user_id).select_related("user", "tenant")
