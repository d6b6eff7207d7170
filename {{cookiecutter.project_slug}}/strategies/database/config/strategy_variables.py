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
        Otherwise("with the server in .postgres/, the password of its run-time role"),
    ] = ""
    """Each tenant's database password is derived from this, so none is stored. Keep it safe: a
    change locks the product out of every tenant's database."""

    TENANT_CONNECTIONS: Annotated[types.Number, Field(ge=1, le=1000)] = 20
    """Tenants' connections that a thread of a server keeps open, the least recently used being
    closed first. Threads times this, and one more for each thread, must fit into PostgreSQL's
    max_connections."""

    TENANT_MOST_CONNECTIONS: Annotated[types.Number, Field(ge=0, le=100_000)] = 50
    """Connections to one tenant's database, of all servers together; 0: no limit."""
