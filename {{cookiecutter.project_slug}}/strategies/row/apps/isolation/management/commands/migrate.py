"""Migrate the database, as the owner of its tables."""

from django.db import connections

from apps.isolation.app_registry import OWNER, as_owner
from apps.isolation.migrate import CheckedMigrateCommand
from apps.isolation.postgresql.grants import grants_on_tables, runtime_role
from apps.isolation.postgresql.limits import set_limits


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
