"""App configuration."""

from django.apps import AppConfig


class OffboardingConfig(AppConfig):
    """The end of a tenant: mails to its Owners, and the deletion of all that it has."""

    name = "apps.offboarding"

    def ready(self) -> None:
        """Connect the mails."""
        from apps.offboarding import mails  # noqa: F401, PLC0415 - needs the models
