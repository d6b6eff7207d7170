"""Nightly purges."""

from apps.isolation.integrations.tasks import periodic, platform_task
from apps.offboarding.services import due_for_purge, purge_later


@periodic("57 3 * * *")
@platform_task
def purge_due_tenants() -> None:
    """Enqueue a purge of each tenant whose time of grace is over."""
    for tenant in due_for_purge():
        purge_later.enqueue(str(tenant.pk))
