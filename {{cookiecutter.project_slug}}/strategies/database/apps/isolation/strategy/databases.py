"""``DATABASES`` with the shared database, and with an entry for each tenant's database.

The settings import this module, so it must not need them on import.
"""

import hmac
import re
import threading
from collections.abc import Iterator

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS

from apps.isolation.strategy.naming import PATTERN


def password_of(role: str) -> str:
    """Return the password of a tenant's login role. It is derived, so none is stored."""
    key, message = settings.DATABASE_TENANT_SECRET.encode(), role.encode()
    return hmac.digest(key, message, "sha256").hex()


class _OpenedByThread(threading.local):
    def __init__(self) -> None:
        self.aliases: dict[str, None] = {}


opened = _OpenedByThread()
"""``opened.aliases``: tenants to which this thread has connected, least recently used first."""


class Databases(dict[str, dict[str, object]]):
    """``DATABASES`` that derives the entry of a tenant's database from its name.

    A tenant's settings are those of the shared database, except ``of_tenants``, name, role and
    password. So creating a tenant registers nothing, and threads never change a shared dictionary.
    """

    def __init__(
        self, databases: dict[str, dict[str, object]], *, of_tenants: dict[str, object]
    ) -> None:
        super().__init__(databases)
        self._of_tenants = of_tenants

    def __missing__(self, alias: str) -> dict[str, object]:
        if alias not in self:
            raise KeyError(alias)
        own = {"NAME": alias, "USER": alias, "PASSWORD": password_of(alias)}
        return self["shared"] | self._of_tenants | own

    def __contains__(self, alias: object) -> bool:
        return super().__contains__(alias) or bool(re.fullmatch(PATTERN, str(alias)))

    def __iter__(self) -> Iterator[str]:
        """Iterate over the databases to which this thread may be connected.

        Django closes these after requests and rolls them back after tests. The default is not among
        them, since it delegates to one of the others.
        """
        aliases = [*self.keys(), *opened.aliases]
        return iter(alias for alias in aliases if alias != DEFAULT_DB_ALIAS)
