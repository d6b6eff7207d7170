"""The two connections: the run-time role serves requests, the owner makes tables.

https://docs.djangoproject.com/en/6.1/ref/settings/#databases
"""

from typing import Any

import psycopg

from config.env import env

# How many connections the threads of a process share; 0: each thread has one of its own.
POOL_SIZE = env.int("DATABASE_POOL_SIZE", default=0)

# Seconds for which a connection is kept, since connecting costs more than a whole request; not
# for ever, since a PostgreSQL process never gives back the memory of tables that it has seen.
KEEP = env.int("DATABASE_KEEP_SECONDS", default=300)


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


def _pooled(connection: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a connection that comes from a pool and goes back after a request.

    https://www.psycopg.org/psycopg3/docs/api/pool.html
    """
    pool = {"min_size": 0, "max_size": POOL_SIZE, "max_lifetime": 300, "timeout": 5}
    options = {**connection["OPTIONS"], "pool": {**pool, "reset": _clean}}
    return {"CONN_MAX_AGE": 0, **connection, "OPTIONS": options}


def _clean(session: psycopg.Connection) -> None:
    """Reset a session before the connection's next user gets it.

    Isolation leaves nothing there. Other SQL may: settings, locks, temporary tables, listeners.
    """
    session.autocommit = True
    session.execute("DISCARD ALL")
    session.execute("SET TIME ZONE 'UTC'")  # as Django does, but once for each connection


def _run_time_connection(**defaults: Any) -> dict[str, Any]:
    return _connection(
        "DATABASE_URL",
        # A health check would cost a round trip in every request.
        CONN_HEALTH_CHECKS=False,
        # The test database is made by its owner and used by the run-time role.
        TEST={"MIRROR": "owner"},
        **defaults,
    )


KEPT_CONNECTION = _run_time_connection(CONN_MAX_AGE=KEEP)
RUN_TIME_CONNECTION = _pooled(_run_time_connection()) if POOL_SIZE else KEPT_CONNECTION
OWNER_CONNECTION = _connection("DATABASE_OWNER_URL", TEST={"DEPENDENCIES": []})
