"""Migrate the catalogue, the template schema, and the schema of every tenant."""

from typing import Any

from django.db import connections

from apps.isolation.grants import grants_on_tables, run_time_role
from apps.isolation.management.migration import GuardedMigrateCommand
from apps.isolation.placement import OWNER, as_owner
from apps.isolation.schemas import PATTERN, PUBLIC, TEMPLATE


class Command(GuardedMigrateCommand):
    """Django's ``migrate``, run as the owner for one schema after the other."""

    help = "Migrate the catalogue, the template that new tenants are copied from, and all tenants."

    def migrate(self, *args: Any, **options: Any) -> None:
        """Bring every schema to the wanted state; a second run continues where one stopped."""
        options["database"] = OWNER
        connection: Any = connections[OWNER]  # django-tenants adds set_schema()
        self._prepare()
        try:
            with as_owner():
                for schema in self._schemas():
                    if options["verbosity"] > 0:
                        self.stdout.write(self.style.MIGRATE_HEADING(f"Schema {schema}:"))
                    connection.set_schema(schema)
                    super().migrate(*args, **options)
        finally:
            connection.set_schema_to_public()

    def _prepare(self) -> None:
        with connections[OWNER].cursor() as cursor:
            cursor.execute(grants_on_tables(run_time_role()))
            cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {TEMPLATE}")

    def _schemas(self) -> list[str]:
        with connections[OWNER].cursor() as cursor:
            cursor.execute(
                "SELECT nspname FROM pg_namespace WHERE nspname ~ %s ORDER BY 1", [PATTERN]
            )
            return [PUBLIC, TEMPLATE, *(name for (name,) in cursor.fetchall())]
