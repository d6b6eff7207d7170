"""Load fixtures: tenants' rows into the active tenant, and shared data beside them."""

from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands.loaddata import Command as LoadDataCommand
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.models import AutoField, Model

from apps.isolation.app_registry import OWNER, SHARED_DB, is_tenant_model
from apps.isolation.context import current_tenant


class Command(LoadDataCommand):
    """Django's ``loaddata``. It fails instead of skipping rows.

    Rows of a fixture do not name a tenant; they become the active tenant's.
    """

    def handle(self, *fixture_labels: str, **options: Any) -> None:
        """Load all fixtures in one transaction."""
        with transaction.atomic(using=SHARED_DB):
            super().handle(*fixture_labels, **options)

    def save_obj(self, obj: Any) -> bool:
        """Save an object; raise CommandError for a tenant's object without a tenant."""
        model, using = type(obj.object), self.using
        if self._is_excluded(model):
            return False
        if is_tenant_model(model):
            if current_tenant() is None:
                message = f"{model._meta.label} belongs to tenants: name one with --tenant."
                raise CommandError(message)
            self.using = DEFAULT_DB_ALIAS
        elif using == DEFAULT_DB_ALIAS:
            self.using = SHARED_DB
        try:
            return super().save_obj(obj)
        finally:
            self.using = using

    def reset_sequences(self, connection: Any, models: set[type[Model]]) -> None:
        """Advance sequences past the loaded ids by ``nextval``, the run-time role's only right."""
        if connection.alias == OWNER:
            super().reset_sequences(connection, models)
            return
        for model in models:
            key = model._meta.pk
            if isinstance(key, AutoField):
                alias = DEFAULT_DB_ALIAS if is_tenant_model(model) else SHARED_DB
                with connections[alias].cursor() as cursor:
                    cursor.execute(_DRAW.format(table=model._meta.db_table, column=key.column))

    def _is_excluded(self, model: type[Model]) -> bool:
        return model in self.excluded_models or model._meta.app_config in self.excluded_apps


_DRAW = """
SELECT max(nextval(sequence))
FROM pg_get_serial_sequence('"{table}"', '{column}') AS sequence, generate_series(
    1, (SELECT max("{column}") FROM "{table}")
        - coalesce(pg_sequence_last_value(sequence::regclass), 0))
"""
