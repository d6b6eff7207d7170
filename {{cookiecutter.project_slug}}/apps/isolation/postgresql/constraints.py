"""Constraints that take more than a clause of CREATE TABLE.

Django's migrations add constraints to tables and remove them. So the migration that makes a table
makes these too, and nobody has to write them.
"""

from typing import Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor as SchemaEditor
from django.db.models.constraints import BaseConstraint

from apps.isolation.postgresql.grants import runtime_role


class TableConstraint(BaseConstraint):
    """A constraint that is made by statements after the table, and checked by the database only."""

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self.deconstruct() == other.deconstruct()

    def __hash__(self) -> int:
        return hash(self.name)

    def constraint_sql(self, model: Any, schema_editor: Any) -> str:
        """Return nothing to stand in CREATE TABLE itself."""
        self.create_sql(model, schema_editor)
        return ""

    def create_sql(self, model: Any, schema_editor: Any) -> str:
        """Leave the statements to the end of the migration, when all of its tables are there."""
        schema_editor.deferred_sql.append(self.statements(model, schema_editor))
        return ""

    def statements(self, model: type[models.Model], schema_editor: SchemaEditor) -> str:
        """Return the statements that make the constraint."""
        raise NotImplementedError

    def validate(self, *args: object, **kwargs: object) -> None:
        """Leave it to the database."""


class AppendOnly(TableConstraint):
    """Rows are written once: the run-time role may add and read them, and nobody changes one.

    The trigger holds for the owner too, who may still empty the table by TRUNCATE (``flush`` does)
    or drop it.
    """

    def statements(self, model: type[models.Model], schema_editor: SchemaEditor) -> str:
        """Return the statements; trigger and function bear the constraint's name."""
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
        """Return statements after which rows may be changed and deleted."""
        table = schema_editor.quote_name(model._meta.db_table)
        name = schema_editor.quote_name(self.name)
        return f"""
            GRANT UPDATE, DELETE ON {table} TO {runtime_role()};
            DROP TRIGGER {name} ON {table};
            DROP FUNCTION {name}()
        """
