"""Nightly work on privacy requests."""

from django.core.management import call_command

from apps.isolation.integrations.tasks import periodic, platform_task


@periodic("37 3 * * *")
@platform_task(attempts=1)
def look_after_requests() -> None:
    """Carry out what has failed, and delete expired exports; dead if a request is overdue."""
    call_command("privacy_requests", run=True, purge=True)
