"""Transactions of tenants, which are separate from those of the shared database."""

from uuid import UUID

from django.db import connections

from apps.isolation.context import ActiveTenant, activate_tenant, current_tenant
from apps.isolation.strategy.naming import physical_name
from apps.isolation.strategy.protocol import Outcome

_OUTCOMES = {
    "committed": Outcome.COMMITTED,
    "aborted": Outcome.ABORTED,
    "in progress": Outcome.IN_PROGRESS,
}


def open_transaction() -> str:
    """Return the id of the open transaction in the active tenant's database, or an empty text."""
    tenant = current_tenant()
    if tenant is None:
        return ""
    connection = connections[physical_name(tenant.id)]
    if not connection.in_atomic_block:
        return ""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text")
        return str(cursor.fetchone()[0])


def outcome(tenant_id: UUID, transaction: str) -> Outcome:
    """Query the outcome of a transaction in the tenant's database."""
    with (
        activate_tenant(ActiveTenant(tenant_id)),
        connections[physical_name(tenant_id)].cursor() as cursor,
    ):
        cursor.execute("SELECT pg_xact_status(%s::xid8)", [transaction])
        return _OUTCOMES.get(cursor.fetchone()[0], Outcome.FORGOTTEN)
