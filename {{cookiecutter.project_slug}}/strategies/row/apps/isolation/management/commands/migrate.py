"""Migrate the database, as the owner of its tables."""

from django.db import connections, transaction

from apps.isolation.app_registry import OWNER, as_owner, tables
from apps.isolation.migrate import CheckedMigrateCommand
from apps.isolation.postgresql.grants import grants_on_tables, runtime_role
from apps.isolation.postgresql.limits import set_limits
from apps.isolation.strategy.convergence import converge


class Command(CheckedMigrateCommand):
    """Django's ``migrate``, over the owner's connection."""

    def migrate(self, *args: object, **options: object) -> None:
        """Migrate, and let the run-time role use the tables."""
        options["database"] = OWNER
        with connections[OWNER].cursor() as cursor:
            cursor.execute(grants_on_tables(runtime_role()))
            set_limits(cursor, connections[OWNER].settings_dict["NAME"])
        with as_owner():
            super().migrate(*args, **options)

    def finish(self) -> None:
        """Add tenant and policies to all tenant tables, also to those that no migration created."""
        with transaction.atomic(using=OWNER), connections[OWNER].cursor() as cursor:
            converge(cursor, tables(of_tenants=True))
