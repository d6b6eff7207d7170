"""The default connection: whichever one is meant at the moment."""

from typing import Any

from django.db import connections
from django.utils.connection import ConnectionProxy

from apps.isolation.connections import current_alias


class DatabaseWrapper(ConnectionProxy[Any]):
    """Passes everything on to the active tenant's connection, or to the catalogue's.

    So ``transaction.atomic()``, ``on_commit()`` and ``connection.cursor()``, which name no
    database, act where the ORM reads and writes. It holds nothing that could be out of date.
    """

    def __init__(self, settings_dict: dict[str, Any], alias: str) -> None:
        self.__dict__["_connections"] = connections

    @property
    def _alias(self) -> str:
        return current_alias()
