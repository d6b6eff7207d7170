"""Tasks of the platform, for all tenants."""

from django.conf import settings
from django.core.management import call_command

from apps.isolation.integrations.tasks import OWNER_QUEUE, periodic, platform_task
from apps.tenants.pending import prepare


@periodic("47 3 * * *")
@platform_task(queue_name=OWNER_QUEUE, attempts=1)
def check_tenants() -> None:
    """Check all tenants; fail for good if there are problems, which triggers an alert."""
    call_command("tenant_health_check")


@platform_task(queue_name=OWNER_QUEUE)
def keep_pending_tenants() -> None:
    """Provision storage in advance for ``PENDING_TENANTS`` tenants."""
    list(prepare(settings.PENDING_TENANTS))


if settings.PENDING_TENANTS:
    periodic("*/5 * * * *")(keep_pending_tenants)
