"""Migrate the database, as the owner of its tables."""

from typing import Any

from django.db import connections

from apps.isolation.grants import grants_on_tables, run_time_role
from apps.isolation.management.migration import GuardedMigrateCommand
from apps.isolation.placement import OWNER, as_owner


class Command(GuardedMigrateCommand):
    """Django's ``migrate``, over the owner's connection."""

    def migrate(self, *args: Any, **options: Any) -> None:
        """Migrate, and let the run-time role use the tables."""
        options["database"] = OWNER
        with connections[OWNER].cursor() as cursor:
            cursor.execute(grants_on_tables(run_time_role()))
        with as_owner():
            super().migrate(*args, **options)
