"""App configuration."""

from django.apps import AppConfig
from django.core.checks import Tags, register
from django.db.models.signals import class_prepared, post_migrate


class IsolationConfig(AppConfig):
    """Isolation between tenants."""

    name = "apps.isolation"

    def import_models(self) -> None:
        """Connect `bind_plain_model` before any other app loads its models."""
        from apps.isolation.plain_models import bind_plain_model  # noqa: PLC0415 - needs the apps

        class_prepared.connect(bind_plain_model)
        super().import_models()

    def ready(self) -> None:
        """Protect shared caches, and register the system checks."""
        from apps.isolation import checks  # noqa: PLC0415 - needs the models
        from apps.isolation.app_registry import close_tenant_apps  # noqa: PLC0415
        from apps.isolation.integrations.cache import protect_caches  # noqa: PLC0415
        from apps.isolation.integrations.system_checks import (  # noqa: PLC0415
            run_checks_without_tenant,
        )

        protect_caches()
        run_checks_without_tenant()
        # The first receiver, since this is the first app in INSTALLED_APPS.
        post_migrate.connect(close_tenant_apps)
        register(checks.check_tenant_models, Tags.models)
        register(checks.check_recorders, Tags.models)
        register(checks.check_integrations, Tags.security)
        register(checks.check_invariants, Tags.database)
