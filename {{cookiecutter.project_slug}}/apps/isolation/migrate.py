"""Base of ``migrate`` in every strategy."""

from collections.abc import Iterable
from typing import Any

from django.apps.registry import Apps
from django.core.management.base import CommandError
from django.core.management.commands.migrate import Command as MigrateCommand
from django.db import connections
from django.db.migrations.executor import MigrationExecutor

from apps.isolation.app_registry import OWNER, SHARED_DB, as_owner, models_of
from apps.isolation.checks import violations
from apps.isolation.postgresql.grants import PROTECT_MIGRATIONS
from apps.isolation.postgresql.invariants import Invariants
from apps.isolation.strategy.invariants import invariants


class CheckedMigrateCommand(MigrateCommand):
    """Migrates the database, and checks the invariants afterwards."""

    def get_check_kwargs(self, options: object) -> dict[Any, Any]:
        """Skip the database checks before a migration, which may repair a violation."""
        return {}

    def handle(self, *args: object, **options: object) -> None:
        """Migrate; exit with an error if the database violates an invariant afterwards.

        With ``--plan`` or ``--check``, print the plan and check no invariants.
        """
        if options["plan"] or options["check_unapplied"]:
            self.plan(*args, **{**options, "prune": False})
            return
        self.migrate(*args, **options)
        # Django migrates a test database before the run-time connection points at it.
        names = {connections[alias].settings_dict["NAME"] for alias in (SHARED_DB, OWNER)}
        with models_of(_applied_models()):
            self.finish()
            found = violations(self.invariants()) if len(names) == 1 else []
        if found:
            message = "\n".join(["Migrated, but invariants are violated:", *found])
            raise CommandError(message)

    def finish(self) -> None:
        """Run once after all migrations; does nothing by default."""

    def invariants(self) -> Invariants:
        """Return the invariants to check."""
        return invariants()

    def plan(self, *args: object, **options: object) -> None:
        """Print what would be applied, and change nothing."""
        self.plan_over(OWNER, args, options)

    def plan_over(self, alias: str, args: Iterable[object], options: dict[str, object]) -> None:
        """Print Django's plan for one connection."""
        with as_owner(alias):
            super().handle(*args, **{**options, "database": alias})

    def migrate(self, *args: object, **options: Any) -> None:
        """Migrate as Django does, and protect ``django_migrations`` from the run-time role."""
        super().handle(*args, **options)
        with connections[options["database"]].cursor() as cursor:
            cursor.execute(PROTECT_MIGRATIONS)


def _applied_models() -> Apps | None:
    """Return the models as of the applied migrations, or None if all migrations are applied.

    After a backward migration, tables may exist whose models are gone from the code.
    """
    loader = MigrationExecutor(connections[OWNER]).loader
    applied = [node for node in loader.applied_migrations if node in loader.graph.nodes]
    if set(loader.graph.leaf_nodes()) <= set(applied):
        return None
    apps: Apps = loader.project_state(applied).apps
    return apps
