"""The state of migrations: applied and unapplied ones."""

from typing import Final

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

FINGERPRINT: Final = (
    "SELECT coalesce(md5(string_agg(app || '.' || name, ',' ORDER BY app, name)), '') "
    "FROM {}django_migrations"
)
"""A query for a hash of the applied migrations. The braces stand for the schema and a dot.

Databases with equal hashes need the same migrations.
"""


def is_fully_migrated(connection: BaseDatabaseWrapper) -> bool:
    """Return whether all migrations of the code are applied to a connection's database."""
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())
