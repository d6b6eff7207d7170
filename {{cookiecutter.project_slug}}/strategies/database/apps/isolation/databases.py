"""The databases there are: the catalogue, and one for each tenant, known by its name alone.

The settings import this module, so it must not need them when it is imported.
"""

import hmac
import re
import threading
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS

from apps.isolation.context import ActiveTenant

PATTERN = "^t_[0-9a-f]{32}$"
"""Regular expression that names of tenants' databases match, and nothing else does."""


def database_name(tenant_id: UUID) -> str:
    """Return the name of a tenant's database, which is its login role's and its alias too.

    From the id and not from the slug: a slug may be renamed or given to somebody else, and no
    text that a user typed becomes an identifier.
    """
    return f"t_{tenant_id.hex}"


def tenant_of(name: str) -> ActiveTenant:
    """Return the tenant whose database bears a name."""
    return ActiveTenant(UUID(name.removeprefix("t_")))


def password_of(role: str) -> str:
    """Return the password of a tenant's login role: derived, so that none is stored."""
    key, message = settings.DATABASE_TENANT_SECRET.encode(), role.encode()
    return hmac.digest(key, message, "sha256").hex()


class _OpenedByThread(threading.local):
    def __init__(self) -> None:
        self.aliases: dict[str, None] = {}


opened = _OpenedByThread()
"""``opened.aliases``: tenants to which this thread has connected, least recently used first."""


class Databases(dict[str, dict[str, Any]]):
    """``DATABASES``, in which the database of every tenant is there without being listed.

    Its settings are the catalogue's, but for ``of_tenants``, names and password. So nothing is
    registered when a tenant is made, nothing changes under another thread's hands, and nothing
    grows.
    """

    def __init__(self, databases: dict[str, dict[str, Any]], *, of_tenants: dict[str, Any]) -> None:
        super().__init__(databases)
        self._of_tenants = of_tenants

    def __missing__(self, alias: str) -> dict[str, Any]:
        if alias not in self:
            raise KeyError(alias)
        own = {"NAME": alias, "USER": alias, "PASSWORD": password_of(alias)}
        return self["catalogue"] | self._of_tenants | own

    def __contains__(self, alias: object) -> bool:
        return super().__contains__(alias) or bool(re.fullmatch(PATTERN, str(alias)))

    def __iter__(self) -> Iterator[str]:
        """Go through what Django closes after a request and rolls back after a test.

        That is each database to which this thread may be connected; the default is none of its
        own, but a pointer to one of the others.
        """
        aliases = [*self.keys(), *opened.aliases]
        return iter(alias for alias in aliases if alias != DEFAULT_DB_ALIAS)
