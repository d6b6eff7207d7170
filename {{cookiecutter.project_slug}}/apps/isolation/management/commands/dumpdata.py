"""Dump one tenant's rows, or shared data."""

from typing import Any

from django.apps import apps
from django.core.management.base import CommandError
from django.core.management.commands.dumpdata import Command as DumpDataCommand
from django.core.management.utils import parse_apps_and_model_labels
from django.db.models import Model

from apps.isolation.app_registry import is_tenant_model, tenant_app_labels
from apps.isolation.context import current_tenant


class Command(DumpDataCommand):
    """Django's ``dumpdata``. It fails instead of omitting requested rows."""

    help = f"{DumpDataCommand.help} With --tenant, dumps that tenant's rows."

    def handle(self, *app_labels: str, **options: Any) -> None:
        """Dump apps and models: by default the active tenant's, or all shared ones without one."""
        wanted = _models(app_labels or [config.label for config in apps.get_app_configs()])
        wanted -= _models(options["exclude"])
        if current_tenant() is None:
            _refuse([model for model in wanted if is_tenant_model(model)], _NO_TENANT)
        elif app_labels:
            _refuse([model for model in wanted if not is_tenant_model(model)], _SHARED)
        else:
            app_labels = tuple(sorted(tenant_app_labels()))
        super().handle(*app_labels, **options)


_NO_TENANT = "belong to tenants: name one with --tenant, or omit them with --exclude."
_SHARED = "are shared data, which is dumped without a tenant: omit --tenant."


def _models(labels: Any) -> set[type[Model]]:
    models, configs = parse_apps_and_model_labels(labels)
    return {*models, *(model for config in configs for model in config.get_models())}


def _refuse(models: list[type[Model]], why: str) -> None:
    if models:
        apps_of_models = sorted({model._meta.app_label for model in models})
        raise CommandError(f"Models of {', '.join(apps_of_models)} {why}")
