"""Migrate the catalogue, the template database, and the database of every tenant."""

from typing import Any

from django.core.management.base import CommandError
from django.db import DatabaseError

from apps.isolation.connections import owner_connection
from apps.isolation.management.migration import GuardedMigrateCommand
from apps.isolation.placement import OWNER, as_owner
from apps.isolation.provisioning import (
    catalogue_name,
    open_template,
    prepare,
    tenant_databases,
)


class Command(GuardedMigrateCommand):
    """Django's ``migrate``, run as the owner for one database after the other."""

    help = "Migrate the catalogue, the template that new tenants are copied from, and all tenants."

    def migrate(self, *args: Any, **options: Any) -> None:
        """Bring every database to the wanted state; a second run continues where one stopped.

        The template comes before the tenants, so none that is made meanwhile is left behind.
        """
        with owner_connection() as connection, connection.cursor() as cursor:
            prepare(cursor)
            self._migrate(catalogue_name(), OWNER, args, options)
            with open_template(cursor) as template:
                self._migrate_tenants(template, args, options)
            for name in tenant_databases(cursor):
                self._migrate_tenants(name, args, options)

    def _migrate_tenants(self, name: str, args: Any, options: Any) -> None:
        with owner_connection(name) as connection:
            self._migrate(name, connection.alias, args, options)

    def _migrate(self, name: str, alias: str, args: Any, options: Any) -> None:
        if options["verbosity"] > 0:
            self.stdout.write(self.style.MIGRATE_HEADING(f"Database {name}:"))
        try:
            with as_owner(alias):
                super().migrate(*args, **{**options, "database": alias})
        except DatabaseError as error:
            message = f"Database {name} was not migrated: {error}"
            raise CommandError(message) from error
