"""The owner's schema editor, which makes no key from one database into another.

It rests on names of Django's that it does not document, and its stubs leave out
(docs/third-party-apps.md lists them).
"""

from typing import Any

from django.db.backends.postgresql.schema import DatabaseSchemaEditor
from django.db.models import Model

from apps.isolation.strategy.shared_keys import leads_out


class TenantSchemaEditor(DatabaseSchemaEditor):
    """Leaves out the constraints of plain keys from tenants' tables to shared data."""

    # A key that is made with its column could not be left out.
    sql_create_column_inline_fk: Any = None

    def execute(self, sql: Any, params: Any = ()) -> None:
        """Send a statement, unless it was left out."""
        if sql != "":
            super().execute(sql, params)

    def alter_field(
        self, model: type[Model], old_field: Any, new_field: Any, strict: bool = False
    ) -> None:
        """Change a column; one that leads to shared data no more gets the constraint it lacked."""
        if leads_out(old_field) and not leads_out(new_field):
            old_field.db_constraint = False
        super().alter_field(model, old_field, new_field, strict)

    def _create_fk_sql(self, model: type[Model], field: Any, suffix: str) -> Any:
        if leads_out(field):
            return ""
        return super()._create_fk_sql(model, field, suffix)  # type: ignore[misc]
