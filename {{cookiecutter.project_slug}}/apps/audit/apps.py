"""App configuration."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """Who did what, and when."""

    name = "apps.audit"

    def ready(self) -> None:
        """Write down each use of the escape hatch."""
        from apps.audit.trail import record_crossing  # noqa: PLC0415 - needs the models
        from apps.isolation.escape import crossing  # noqa: PLC0415 - needs the models

        crossing.connect(record_crossing)
