"""App configuration."""

from django.apps import AppConfig
from django.core.checks import Tags, register


class ApiConfig(AppConfig):
    """The HTTP API."""

    name = "apps.api"

    def ready(self) -> None:
        """Register the system checks."""
        from apps.api import checks  # noqa: PLC0415 - needs the models

        register(checks.check_orderings, Tags.urls)
