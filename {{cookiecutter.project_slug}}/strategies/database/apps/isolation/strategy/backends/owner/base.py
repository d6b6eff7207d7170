"""The owner's connection. It creates tenants' tables, and removes a test database completely."""

from typing import Any

from django.db.backends.postgresql import base as postgresql
from django.db.backends.postgresql import creation as postgresql_creation

from apps.isolation.strategy.provisioning import drop_databases
from apps.isolation.strategy.schema_editor import TenantSchemaEditor


class DatabaseCreation(postgresql_creation.DatabaseCreation):
    """Treats the template and the tenants' databases as parts of a test database."""

    def create_test_db(self, *args: Any, **kwargs: Any) -> str:
        """Create it, after dropping what a killed run left behind."""
        if not kwargs.get("keepdb"):
            drop_databases(self._get_test_db_name())  # type: ignore[attr-defined] # is Django's
        return super().create_test_db(*args, **kwargs)

    def destroy_test_db(
        self,
        old_database_name: str | None = None,
        verbosity: int = 1,
        keepdb: bool = False,
        suffix: str | None = None,
    ) -> None:
        """Drop its parts, then the database itself."""
        if not keepdb:
            drop_databases(self.connection.settings_dict["NAME"])
        super().destroy_test_db(old_database_name, verbosity, keepdb, suffix)


class DatabaseWrapper(postgresql.DatabaseWrapper):
    """Django's backend with this `DatabaseCreation`."""

    creation_class = DatabaseCreation
    SchemaEditorClass = TenantSchemaEditor
