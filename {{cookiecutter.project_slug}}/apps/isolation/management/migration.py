"""What the wall adds to Django's ``migrate``, wherever the tables are."""

from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands.migrate import Command as MigrateCommand
from django.db import connections

from apps.isolation.checks import holes
from apps.isolation.guards import Guards
from apps.isolation.placement import CATALOGUE, OWNER
from apps.isolation.wall import wall_guards


class GuardedMigrateCommand(MigrateCommand):
    """Migrates, and then asks the wall for holes."""

    def get_check_kwargs(self, options: dict[str, Any]) -> dict[Any, Any]:
        """Ask the database nothing yet: the migration may be the one that mends it."""
        return {}

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate; exit with an error if the database is left with a hole in the wall."""
        self.migrate(*args, **options)
        # A test database is migrated before the run-time connection is pointed at it.
        names = {connections[alias].settings_dict["NAME"] for alias in (CATALOGUE, OWNER)}
        if len(names) == 1 and (found := holes(self.guards())):
            message = "\n".join(["Migrated, but the wall has holes:", *found])
            raise CommandError(message)

    def guards(self) -> Guards:
        """Return the guards that are asked; overridden where they have many places to look at."""
        return wall_guards()

    def migrate(self, *args: Any, **options: Any) -> None:
        """Migrate as Django does; overridden where there is more than one place to migrate."""
        super().handle(*args, **options)
