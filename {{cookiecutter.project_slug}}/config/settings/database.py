"""The two connections: the run-time role serves requests, the owner makes tables.

https://docs.djangoproject.com/en/6.1/ref/settings/#databases
"""

from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from config.reading import read

env = read()

# The number of connections that the threads of a process share. 0: one connection per thread.
POOL_SIZE = env.DATABASE_POOL_SIZE

# Seconds for which a connection is kept. Connecting takes longer than a whole request; but a
# PostgreSQL process never frees the memory of tables that it has used.
KEEP = env.DATABASE_KEEP_SECONDS

# Without temp_file_limit: a server that denies it to the owner would refuse the connection.
NO_TIMEOUTS = "-c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0"


# Django's names for the parts of an address. All other parts are options of the connection.
PARTS = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}


def _connection(url: str, **defaults: Any) -> dict[str, Any]:
    """Return the settings of the connection to an address.

    Options in the address (``?sslmode=verify-full``) override the defaults. Without an address the
    name is empty and Django refuses to connect, so type checkers and linters need no database.
    """
    given = conninfo_to_dict(url)
    parts = {django: given.pop(name, "") for name, django in PARTS.items()}
    return {**defaults, **parts, "OPTIONS": {"connect_timeout": 5} | given}


def _pooled(connection: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a connection that a request borrows from a pool.

    https://www.psycopg.org/psycopg3/docs/api/pool.html
    """
    pool = {"min_size": 0, "max_size": POOL_SIZE, "max_lifetime": 300, "timeout": 5}
    options = {**connection["OPTIONS"], "pool": {**pool, "reset": _clean}}
    return {"CONN_MAX_AGE": 0, **connection, "OPTIONS": options}


def _clean(session: psycopg.Connection) -> None:
    """Reset a session before the pool lends its connection again.

    The isolation layer leaves no state in a session. Other SQL may: settings, locks, temporary
    tables, listeners.
    """
    session.autocommit = True
    session.execute("DISCARD ALL")
    session.execute("SET TIME ZONE 'UTC'")  # Django does this, but for each request.


def _unlimited(connection: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a connection without limits on its statements.

    Migrations need it, and so does provisioning, which waits for locks. The database's defaults are
    the limits of the run-time role (``DATABASE_LIMITS``). Options in the address override both.
    """
    options = connection["OPTIONS"]
    given = options.get("options", "")
    return {**connection, "OPTIONS": {**options, "options": f"{NO_TIMEOUTS} {given}".strip()}}


def _run_time_connection(**defaults: Any) -> dict[str, Any]:
    return _connection(
        env.DATABASE_URL,
        # A health check would add a round trip to every request.
        CONN_HEALTH_CHECKS=False,
        # The owner creates the test database; the run-time role uses it.
        TEST={"MIRROR": "owner"},
        **defaults,
    )


KEPT_CONNECTION = _run_time_connection(CONN_MAX_AGE=KEEP)
RUN_TIME_CONNECTION = _pooled(_run_time_connection()) if POOL_SIZE else KEPT_CONNECTION
OWNER_CONNECTION = _unlimited(_connection(env.DATABASE_OWNER_URL, TEST={"DEPENDENCIES": []}))
