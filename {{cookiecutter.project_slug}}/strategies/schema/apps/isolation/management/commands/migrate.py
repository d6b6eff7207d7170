"""Migrate the catalogue, the template schema, and the schema of every tenant."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections

from apps.isolation.grants import grants_on_tables, run_time_role
from apps.isolation.head import is_at_head
from apps.isolation.management.migration import GuardedMigrateCommand
from apps.isolation.placement import OWNER, as_owner
from apps.isolation.schemas import AT_HEAD, PATTERN, PUBLIC, TEMPLATE


class Command(GuardedMigrateCommand):
    """Django's ``migrate``, run as the owner for one schema after the other."""

    help = "Migrate the catalogue, the template that new tenants are copied from, and all tenants."

    def migrate(self, *args: Any, **options: Any) -> None:
        """Bring every schema to the wanted state; a second run continues where one stopped."""
        options["database"] = OWNER
        connection: Any = connections[OWNER]  # django-tenants adds set_schema()
        try:
            with as_owner():
                with connection.cursor() as cursor:
                    cursor.execute(grants_on_tables(run_time_role()))
                self._migrate(PUBLIC, args, options)
                with self._unfinished_template():
                    self._migrate(TEMPLATE, args, options)
                # Read only now: who was made meanwhile is among them, or was copied from the
                # finished template.
                for schema in self._tenant_schemas():
                    self._migrate(schema, args, options)
        finally:
            connection.set_schema_to_public()

    def _migrate(self, schema: str, args: Any, options: Any) -> None:
        if options["verbosity"] > 0:
            self.stdout.write(self.style.MIGRATE_HEADING(f"Schema {schema}:"))
        connection: Any = connections[OWNER]
        connection.set_schema(schema)
        super().migrate(*args, **options)

    @contextmanager
    def _unfinished_template(self) -> Iterator[None]:
        """Let nobody copy the template while it is migrated, nor later unless it is at head."""
        connection = connections[OWNER]
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [TEMPLATE])
            cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {TEMPLATE}")
            cursor.execute(f"COMMENT ON SCHEMA {TEMPLATE} IS NULL")
        yield
        with connection.cursor() as cursor:
            if is_at_head(connection):
                cursor.execute(f"COMMENT ON SCHEMA {TEMPLATE} IS '{AT_HEAD}'")
            cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [TEMPLATE])

    def _tenant_schemas(self) -> list[str]:
        with connections[OWNER].cursor() as cursor:
            cursor.execute(
                "SELECT nspname FROM pg_namespace WHERE nspname ~ %s ORDER BY 1", [PATTERN]
            )
            return [name for (name,) in cursor.fetchall()]
