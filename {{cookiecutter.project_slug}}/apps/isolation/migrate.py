"""Base of ``migrate`` in every strategy."""

from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands.migrate import Command as MigrateCommand
from django.db import connections

from apps.isolation.app_registry import OWNER, SHARED_DB
from apps.isolation.checks import violations
from apps.isolation.postgresql.invariants import Invariants
from apps.isolation.strategy.invariants import invariants


class CheckedMigrateCommand(MigrateCommand):
    """Migrates, and then checks the invariants."""

    def get_check_kwargs(self, options: dict[str, Any]) -> dict[Any, Any]:
        """Check nothing in the database yet: the migration may be the one that repairs it."""
        return {}

    def handle(self, *args: object, **options: object) -> None:
        """Migrate; exit with an error if the database violates an invariant afterwards."""
        self.migrate(*args, **options)
        # A test database is migrated before the run-time connection is pointed at it.
        names = {connections[alias].settings_dict["NAME"] for alias in (SHARED_DB, OWNER)}
        if len(names) == 1 and (found := violations(self.invariants())):
            message = "\n".join(["Migrated, but invariants are violated:", *found])
            raise CommandError(message)

    def invariants(self) -> Invariants:
        """Return the invariants to check."""
        return invariants()

    def migrate(self, *args: object, **options: object) -> None:
        """Migrate as Django does."""
        super().handle(*args, **options)
