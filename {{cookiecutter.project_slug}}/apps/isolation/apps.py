"""App configuration."""

from django.apps import AppConfig
from django.core.checks import Tags, register


class IsolationConfig(AppConfig):
    """Isolation between tenants."""

    name = "apps.isolation"

    def ready(self) -> None:
        """Protect the caches that tenants share, and register the system checks."""
        from apps.isolation import checks  # noqa: PLC0415 - needs the models
        from apps.isolation.integrations.cache import protect_caches  # noqa: PLC0415

        protect_caches()
        register(checks.check_tenant_models, Tags.models)
        register(checks.check_integrations, Tags.security)
        register(checks.check_invariants, Tags.database)
