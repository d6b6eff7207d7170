"""App configuration."""

from django.apps import AppConfig
from django.core.checks import Tags, register


class IsolationConfig(AppConfig):
    """Isolation between tenants."""

    name = "apps.isolation"

    def ready(self) -> None:
        """Register the system checks."""
        from apps.isolation import checks  # noqa: PLC0415 - needs the models

        register(checks.check_tenant_models, Tags.models)
        register(checks.check_integrations, Tags.security)
        register(checks.check_invariants, Tags.database)
