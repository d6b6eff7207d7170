"""Which migrations have been applied, and whether some are waiting."""

from typing import Final

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

FINGERPRINT: Final = (
    "SELECT coalesce(md5(string_agg(app || '.' || name, ',' ORDER BY app, name)), '') "
    "FROM {}django_migrations"
)
"""Asks for a hash of what is applied; the tables' schema, with its dot, goes into the braces.

Where the hash is the same, the same migrations are needed.
"""


def is_at_head(connection: BaseDatabaseWrapper) -> bool:
    """Tell whether all migrations that the code knows have been applied where it is connected."""
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())
