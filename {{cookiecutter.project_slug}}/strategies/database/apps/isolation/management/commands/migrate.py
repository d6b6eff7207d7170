"""Migrate the shared data, the template database, and the database of every tenant."""

from functools import partial
from typing import Any

from django.core.management.base import CommandError
from django.db import DatabaseError

from apps.isolation.app_registry import OWNER, as_owner
from apps.isolation.fleet.command import FleetMigrateCommand
from apps.isolation.postgresql.invariants import Invariants
from apps.isolation.strategy.connections import owner_connection
from apps.isolation.strategy.invariants import invariants, tenant_targets
from apps.isolation.strategy.limits import limit_tenants
from apps.isolation.strategy.provisioning import (
    open_template,
    prepare_shared,
    shared_database_name,
    tenant_databases,
)


class Command(FleetMigrateCommand):
    """Django's ``migrate`` for the shared data and the template; then the tenants' databases."""

    help = (
        "Migrate the shared data, the template that new tenants are copied from, and all tenants."
    )

    def migrate(self, *args: object, **options: object) -> None:
        """Migrate every database; a second run continues where the first one stopped.

        The template comes first, so a tenant that is created meanwhile is up to date too.
        """

        def one(name: str) -> None:
            with owner_connection(name) as connection:
                self._migrate(name, connection.alias, args, options)

        with owner_connection() as connection, connection.cursor() as cursor:
            prepare_shared(cursor)
            self._migrate(shared_database_name(), OWNER, args, options)
            with open_template(cursor) as name, owner_connection(name) as template:
                recordings = self.migrate_template(
                    name, template, partial(self._migrate, name, template.alias, args, options)
                )
            limit_tenants(cursor, tenant_databases(cursor))
        with as_owner():
            self.migrate_tenants(recordings, one, options)

    def invariants(self) -> Invariants:
        """Return the invariants, checked in one migrated database, since all got the same SQL."""
        # If this run migrated none, check one of an earlier run, which may have failed the check.
        return invariants((self.migrated or tenant_targets())[:1])

    def shared_target(self) -> str:
        """Return the shared database."""
        return shared_database_name()

    def _migrate(self, name: str, alias: str, args: Any, options: Any) -> None:
        if options["verbosity"] > 0:
            self.stdout.write(self.style.MIGRATE_HEADING(f"Database {name}:"))
        try:
            with as_owner(alias):
                super().migrate(*args, **{**options, "database": alias})
        except DatabaseError as error:
            message = f"Database {name} was not migrated: {error}"
            raise CommandError(message) from error
