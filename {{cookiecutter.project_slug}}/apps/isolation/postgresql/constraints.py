"""Constraints that need more SQL than a clause of CREATE TABLE.

Django's migrations add and remove constraints. So the migration that creates a table also creates
these, without hand-written SQL.
"""

from typing import Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor as SchemaEditor
from django.db.models.constraints import BaseConstraint

from apps.isolation.postgresql.grants import runtime_role


class TableConstraint(BaseConstraint):
    """A constraint that statements create after the table, and that only the database checks."""

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self.deconstruct() == other.deconstruct()

    def __hash__(self) -> int:
        return hash(self.name)

    def constraint_sql(self, model: Any, schema_editor: Any) -> str:
        """Return an empty clause for CREATE TABLE."""
        self.create_sql(model, schema_editor)
        return ""

    def create_sql(self, model: Any, schema_editor: Any) -> str:
        """Defer the statements to the end of the migration, when all its tables exist."""
        schema_editor.deferred_sql.append(self.statements(model, schema_editor))
        return ""

    def statements(self, model: type[models.Model], schema_editor: SchemaEditor) -> str:
        """Return the statements that create the constraint."""
        raise NotImplementedError

    def validate(self, *args: object, **kwargs: object) -> None:
        """Do nothing; the database checks the constraint."""


class AppendOnly(TableConstraint):
    """Rows cannot be changed or deleted. The run-time role can insert and read them.

    The trigger stops the owner too, who can still drop the table, or empty it by TRUNCATE as
    ``flush`` does.
    """

    def statements(self, model: type[models.Model], schema_editor: SchemaEditor) -> str:
        """Return the statements; trigger and function have the constraint's name."""
        quote = schema_editor.quote_name
        table, name = quote(model._meta.db_table), quote(self.name)
        return f"""
            REVOKE UPDATE, DELETE ON {table} FROM {runtime_role()};
            CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                RAISE insufficient_privilege USING MESSAGE = TG_TABLE_NAME || ' is append-only';
            END $$;
            CREATE TRIGGER {name} BEFORE UPDATE OR DELETE ON {table}
                FOR EACH STATEMENT EXECUTE FUNCTION {name}()
        """

    def remove_sql(self, model: Any, schema_editor: Any) -> str:
        """Return statements that remove the constraint."""
        table = schema_editor.quote_name(model._meta.db_table)
        name = schema_editor.quote_name(self.name)
        return f"""
            GRANT UPDATE, DELETE ON {table} TO {runtime_role()};
            DROP TRIGGER {name} ON {table};
            DROP FUNCTION {name}()
        """
