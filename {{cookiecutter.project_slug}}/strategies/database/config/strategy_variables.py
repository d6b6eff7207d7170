"""Variables of this isolation strategy."""

from typing import Annotated

from pydantic import Field

from config import variable_types as types
from config.variable_types import Group, Mark, Otherwise


class Strategy(Group):
    """The tenants' databases."""

    DATABASE_TENANT_SECRET: Annotated[
        types.Secret32,
        Mark.REQUIRED,
        Mark.RANDOM,
        Otherwise("the password of the run-time role, with the server in .postgres/"),
    ] = ""
    """Secret from which each tenant's database password is derived; no password is stored. Keep it
    safe: a change locks the product out of every tenant's database."""

    TENANT_CONNECTIONS: Annotated[types.Number, Field(ge=1, le=1000)] = 20
    """Open connections to tenants that a server's thread keeps; it closes the least recently used
    one first. All threads together need this number plus one per thread, within PostgreSQL's
    max_connections."""

    TENANT_MOST_CONNECTIONS: Annotated[types.Number, Field(ge=0, le=100_000)] = 50
    """Connections to one tenant's database, of all servers together. 0: no limit."""
