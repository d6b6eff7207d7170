"""Migrate the shared data, the template schema, and the schema of every tenant."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from django.core.management.base import CommandError
from django.db import connections, transaction

from apps.isolation.app_registry import OWNER, as_owner
from apps.isolation.exceptions import ProvisioningError
from apps.isolation.fleet.command import FleetMigrateCommand
from apps.isolation.migration_state import is_fully_migrated
from apps.isolation.postgresql.grants import grants_on_tables, runtime_role
from apps.isolation.postgresql.limits import set_limits
from apps.isolation.postgresql.wiping import wipe_tables
from apps.isolation.strategy.copying import forget_copy, keep_copy
from apps.isolation.strategy.naming import PUBLIC, TEMPLATE


class Command(FleetMigrateCommand):
    """Django's ``migrate`` for the shared data and the template; then the tenants' schemas."""

    help = (
        "Migrate the shared data, the template that new tenants are copied from, and all tenants."
    )

    def migrate(self, *args: object, **options: object) -> None:
        """Migrate every schema; a second run continues where the first one stopped."""
        options["database"] = OWNER
        connection: Any = connections[OWNER]  # django-tenants adds set_schema()

        def one(schema: str) -> None:
            self._migrate(schema, args, options)

        try:
            with as_owner():
                with connection.cursor() as cursor:
                    cursor.execute(grants_on_tables(runtime_role()))
                    set_limits(cursor, connections[OWNER].settings_dict["NAME"])
                one(PUBLIC)
                with self._unfinished_template():
                    recordings = self.migrate_template(TEMPLATE, connection, partial(one, TEMPLATE))
                connection.set_schema_to_public()
                # Read the tenants only now: one that was created meanwhile is among them, or is a
                # copy of the finished template.
                self.migrate_tenants(recordings, one, options)
        except ProvisioningError as error:
            raise CommandError(str(error)) from error
        finally:
            connection.set_schema_to_public()

    def shared_target(self) -> str:
        """Return the schema of the shared data."""
        return PUBLIC

    def _migrate(self, schema: str, args: Any, options: Any) -> None:
        if options["verbosity"] > 0:
            self.stdout.write(self.style.MIGRATE_HEADING(f"Schema {schema}:"))
        connection: Any = connections[OWNER]
        connection.set_schema(schema)
        super().migrate(*args, **options)

    @contextmanager
    def _unfinished_template(self) -> Iterator[None]:
        """Prevent copies of the template until it is fully migrated."""
        connection = connections[OWNER]
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [TEMPLATE])
            cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {TEMPLATE}")
            forget_copy(cursor)
        yield
        with connection.cursor() as cursor:
            # Delete rows of data migrations, since a new tenant starts empty.
            wipe_tables(cursor, schemas=f"^{TEMPLATE}$")
            if is_fully_migrated(connection):
                with transaction.atomic(using=OWNER):
                    keep_copy(cursor)
            cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [TEMPLATE])
