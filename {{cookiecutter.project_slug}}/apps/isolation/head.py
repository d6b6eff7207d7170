"""Whether migrations are waiting."""

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor


def is_at_head(connection: BaseDatabaseWrapper) -> bool:
    """Tell whether all migrations that the code knows have been applied where it is connected."""
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())
