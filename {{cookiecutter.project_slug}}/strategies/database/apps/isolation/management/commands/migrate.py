"""Migrate the catalogue, the template database, and the database of every tenant."""

from functools import partial
from typing import Any

from django.core.management.base import CommandError
from django.db import DatabaseError

from apps.isolation.connections import owner_connection
from apps.isolation.guards import Guards
from apps.isolation.management.fleet import FleetMigrateCommand
from apps.isolation.placement import OWNER, as_owner
from apps.isolation.provisioning import catalogue_name, open_template, prepare
from apps.isolation.wall import fleet, wall_guards


class Command(FleetMigrateCommand):
    """Django's ``migrate`` for the catalogue and the template; then the tenants' databases."""

    help = "Migrate the catalogue, the template that new tenants are copied from, and all tenants."

    def migrate(self, *args: Any, **options: Any) -> None:
        """Bring every database to the wanted state; a second run continues where one stopped.

        The template comes before the tenants, so none that is made meanwhile is left behind.
        """

        def one(name: str) -> None:
            with owner_connection(name) as connection:
                self._migrate(name, connection.alias, args, options)

        with owner_connection() as connection, connection.cursor() as cursor:
            prepare(cursor)
            self._migrate(catalogue_name(), OWNER, args, options)
            with open_template(cursor) as name, owner_connection(name) as template:
                recordings = self.migrate_template(
                    name, template, partial(self._migrate, name, template.alias, args, options)
                )
        with as_owner():
            self.migrate_tenants(recordings, one, options)

    def guards(self) -> Guards:
        """Look into one of the databases that were migrated: all were given the same."""
        # By a run before this one, perhaps: a hole that it left is there until it is mended.
        return wall_guards((self.migrated or fleet())[:1])

    def _migrate(self, name: str, alias: str, args: Any, options: Any) -> None:
        if options["verbosity"] > 0:
            self.stdout.write(self.style.MIGRATE_HEADING(f"Database {name}:"))
        try:
            with as_owner(alias):
                super().migrate(*args, **{**options, "database": alias})
        except DatabaseError as error:
            message = f"Database {name} was not migrated: {error}"
            raise CommandError(message) from error
