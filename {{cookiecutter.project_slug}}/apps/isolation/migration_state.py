"""Which migrations are applied, and whether some are unapplied."""

from typing import Final

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

FINGERPRINT: Final = (
    "SELECT coalesce(md5(string_agg(app || '.' || name, ',' ORDER BY app, name)), '') "
    "FROM {}django_migrations"
)
"""A query for a hash of the applied migrations; the braces take the schema with its dot.

Databases with equal hashes need the same migrations.
"""


def is_fully_migrated(connection: BaseDatabaseWrapper) -> bool:
    """Return whether all migrations that the code knows are applied where it is connected."""
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())
