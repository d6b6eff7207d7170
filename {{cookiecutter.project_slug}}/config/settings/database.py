"""The two connections: the run-time role serves requests, the owner makes tables.

https://docs.djangoproject.com/en/6.1/ref/settings/#databases
"""

from typing import Any

from config.env import env


def _connection(variable: str, **defaults: Any) -> dict[str, Any]:
    """Return the settings of the connection that an environment variable names.

    What the address says (``?sslmode=verify-full``) wins over the defaults. Without the variable
    the name is empty, and Django refuses to connect: tools that only read the settings (type
    checker, linters) need no database.
    """
    url = env.str(variable, default="")
    given: dict[str, Any] = dict(env.db_url_config(url)) if url else {"NAME": ""}
    options: dict[str, Any] = {"connect_timeout": 5}
    return {**defaults, **given, "OPTIONS": options | dict(given.get("OPTIONS") or {})}


RUN_TIME_CONNECTION = _connection(
    "DATABASE_URL",
    # Kept open between requests, since connecting costs more than a whole request; closed after
    # some minutes, since a PostgreSQL process never gives back the memory of tables it has seen.
    CONN_MAX_AGE=300,
    # A health check would cost a round trip in every request.
    CONN_HEALTH_CHECKS=False,
    # The test database is made by its owner and used by the run-time role.
    TEST={"MIRROR": "owner"},
)
OWNER_CONNECTION = _connection("DATABASE_OWNER_URL", TEST={"DEPENDENCIES": []})
