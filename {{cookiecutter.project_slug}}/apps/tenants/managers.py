"""Managers of tenants."""

from uuid import UUID

from django.db.models import Manager, Model


class LockingManager[M: Model](Manager[M]):
    """Manager that can lock a tenant for one transaction at a time."""

    def locked(self, tenant_id: UUID) -> M:
        """Lock and return a tenant's row; the next caller waits for the end of this transaction.

        Code that changes a tenant, its members or its invitations calls this first, and decides
        from the values stored then.
        """
        return self.select_for_update(no_key=True).get(pk=tenant_id)
