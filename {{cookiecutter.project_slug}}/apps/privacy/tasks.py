"""Nightly work on privacy requests."""

from django.core.management import call_command

from apps.isolation.integrations.tasks import periodic, platform_task


@periodic("37 3 * * *")
@platform_task(attempts=1)
def look_after_requests() -> None:
    """Carry out open requests, and delete expired exports; fail for good if one is overdue."""
    call_command("privacy_requests", run=True, purge=True)
