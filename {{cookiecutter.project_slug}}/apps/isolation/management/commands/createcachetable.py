"""Create the tables of database caches, as the owner of all tables."""

from django.core.management.commands.createcachetable import Command as CreateCacheTableCommand
from django.db import DEFAULT_DB_ALIAS

from apps.isolation.app_registry import OWNER


class Command(CreateCacheTableCommand):
    """Django's ``createcachetable`` for a shared table.

    All tenants use the same table, so the cache must set ``KEY_FUNCTION``. List the table in
    ``TABLES_WITHOUT_MODELS``.
    """

    def create_table(self, database: str, tablename: str, dry_run: bool) -> None:
        """Create a table over the owner's connection, since the run-time role may not."""
        super().create_table(
            OWNER if database == DEFAULT_DB_ALIAS else database, tablename, dry_run
        )
