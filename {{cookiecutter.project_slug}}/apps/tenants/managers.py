"""Managers of tenants."""

from uuid import UUID

from django.db.models import Manager, Model


class LockingManager[M: Model](Manager[M]):
    """Hands out tenants to one transaction at a time, if asked so."""

    def locked(self, tenant_id: UUID) -> M:
        """Return a tenant's row; the next caller waits for the end of this transaction.

        Whoever changes a tenant, its members or its invitations calls this first, and decides by
        what is stored then.
        """
        return self.select_for_update(no_key=True).get(pk=tenant_id)
