"""The two connections: the run-time role serves requests, the owner makes tables.

https://docs.djangoproject.com/en/6.1/ref/settings/#databases
"""

from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from config.reading import read

env = read()

# How many connections the threads of a process share; 0: each thread has one of its own.
POOL_SIZE = env.DATABASE_POOL_SIZE

# Seconds for which a connection is kept, since connecting costs more than a whole request; not
# for ever, since a PostgreSQL process never gives back the memory of tables that it has seen.
KEEP = env.DATABASE_KEEP_SECONDS

# Not temp_file_limit, which the owner may be denied, and would be denied the connection for.
NO_TIMEOUTS = "-c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0"


# What Django calls the parts of an address; all others are options of the connection.
PARTS = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}


def _connection(url: str, **defaults: Any) -> dict[str, Any]:
    """Return the settings of the connection to an address.

    What the address says (``?sslmode=verify-full``) wins over the defaults. Without an address the
    name is empty, and Django refuses to connect: tools that only read the settings (type checker,
    linters) need no database.
    """
    given = conninfo_to_dict(url)
    parts = {django: given.pop(name, "") for name, django in PARTS.items()}
    return {**defaults, **parts, "OPTIONS": {"connect_timeout": 5} | given}


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


def _unlimited(connection: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a connection whose statements take as long as they take.

    Migrations do, and who waits for its turn to make a tenant. The database's defaults are the
    limits of the run-time role (``DATABASE_LIMITS``); what the address sets wins over both.
    """
    options = connection["OPTIONS"]
    given = options.get("options", "")
    return {**connection, "OPTIONS": {**options, "options": f"{NO_TIMEOUTS} {given}".strip()}}


def _run_time_connection(**defaults: Any) -> dict[str, Any]:
    return _connection(
        env.DATABASE_URL,
        # A health check would cost a round trip in every request.
        CONN_HEALTH_CHECKS=False,
        # The test database is made by its owner and used by the run-time role.
        TEST={"MIRROR": "owner"},
        **defaults,
    )


KEPT_CONNECTION = _run_time_connection(CONN_MAX_AGE=KEEP)
RUN_TIME_CONNECTION = _pooled(_run_time_connection()) if POOL_SIZE else KEPT_CONNECTION
OWNER_CONNECTION = _unlimited(_connection(env.DATABASE_OWNER_URL, TEST={"DEPENDENCIES": []}))
