"""The default connection, which delegates to another one."""

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.connection import ConnectionProxy

from apps.isolation.strategy.connections import current_alias


class DatabaseWrapper(ConnectionProxy[BaseDatabaseWrapper]):
    """Delegates everything to the active tenant's connection, or to the shared one.

    So ``transaction.atomic()``, ``on_commit()`` and ``connection.cursor()`` without an alias use
    the same database as the ORM. The wrapper has no state of its own.
    """

    SchemaEditorClass: None = None
    """None, since packages that extend the schema editors of all backends must skip this one."""

    def __init__(self, settings_dict: dict[str, object], alias: str) -> None:
        self.__dict__["_connections"] = connections

    @property
    def _alias(self) -> str:
        return current_alias()
