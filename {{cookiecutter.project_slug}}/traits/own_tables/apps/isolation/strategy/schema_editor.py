"""The owner's schema editor, which creates no constraints of keys to shared data.

It uses undocumented names of Django, which its stubs omit (docs/third-party-apps.md lists them).
"""

from typing import Any

from django.db.backends.postgresql.schema import DatabaseSchemaEditor
from django.db.models import Model

from apps.isolation.strategy.unconstrained_keys import leads_out


class TenantSchemaEditor(DatabaseSchemaEditor):
    """Omits the constraints of plain keys from tenants' tables to shared data."""

    # A constraint in a column's definition could not be omitted.
    sql_create_column_inline_fk: Any = None

    def execute(self, sql: Any, params: Any = ()) -> None:
        """Send a statement, unless it was omitted."""
        if sql != "":
            super().execute(sql, params)

    def alter_field(
        self, model: type[Model], old_field: Any, new_field: Any, strict: bool = False
    ) -> None:
        """Change a column; add the missing constraint if it no longer refers to shared data."""
        if leads_out(old_field) and not leads_out(new_field):
            old_field.db_constraint = False
        super().alter_field(model, old_field, new_field, strict)

    def _create_fk_sql(self, model: type[Model], field: Any, suffix: str) -> Any:
        if leads_out(field):
            return ""
        return super()._create_fk_sql(model, field, suffix)  # type: ignore[misc]
