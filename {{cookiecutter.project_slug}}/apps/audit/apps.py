"""App configuration."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """The audit log."""

    name = "apps.audit"

    def ready(self) -> None:
        """Record each cross-tenant operation."""
        from apps.audit.services import record_cross_tenant  # noqa: PLC0415 - needs the models
        from apps.isolation.cross_tenant import cross_tenant_started  # noqa: PLC0415 - needs the models

        cross_tenant_started.connect(record_cross_tenant)
