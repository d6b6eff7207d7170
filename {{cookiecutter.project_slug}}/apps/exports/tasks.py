"""Nightly work on exports."""

from apps.exports.services import expire_old, fail_lost
from apps.isolation.integrations.tasks import periodic, platform_task


@periodic("47 3 * * *")
@platform_task
def delete_old_archives() -> None:
    """Delete archives that are older than ``TENANT_EXPORT_DAYS``, and fail lost exports."""
    expire_old()
    fail_lost()
