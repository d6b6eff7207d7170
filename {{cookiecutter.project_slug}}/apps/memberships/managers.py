"""Managers of memberships."""

from uuid import UUID

from django.contrib.auth import get_user_model
from django.db.models import Model, QuerySet

from apps.isolation.context import Identified
from apps.isolation.managers import PerTenantManager, TenantRequired


class MembershipManager[M: Model](PerTenantManager[M]):
    """Manager of memberships, by tenant or by user."""

    def for_user(self, user: Model) -> QuerySet[M]:
        """Return the memberships of ``user`` in all tenants; raise `TenantRequired` without one."""
        if getattr(user, "pk", None) is None:
            message = f"{self.model.__name__}.objects.for_user(user) needs a user."
            raise TenantRequired(message)
        return super(PerTenantManager, self).get_queryset().filter(user_id=user.pk)

    def find(self, email: str, tenant: Identified | UUID) -> QuerySet[M]:
        """Return the membership with this address in a tenant, with its user."""
        users = get_user_model().objects
        rows = self.for_tenant(tenant).filter(user__email=users.normalize_email(email))
        return rows.select_related("user")

    def of_user_in(self, user_id: object, tenant_id: UUID) -> QuerySet[M]:
        """Return a user's membership of a tenant, with both, in one query."""
        return self.for_tenant(tenant_id).filter(user_id=user_id).select_related("user", "tenant")
