"""Refuses all writes to one tenant's rows, whoever sends them, while the tenant moves.

A status alone would not suffice: a request that has read it may write some time later.
"""

import logging
import time
from collections.abc import Iterable
from typing import Final

from django.db import OperationalError
from django.db.backends.utils import CursorWrapper
from psycopg.errors import LockNotAvailable

from apps.isolation.app_registry import tenant_models_with_tables
from apps.isolation.context import Identified
from apps.isolation.exceptions import WritesContinueError
from apps.isolation.strategy.fence_triggers import triggers
from apps.isolation.strategy.provisioning import owner_cursor

logger = logging.getLogger(__name__)

SQLSTATE: Final = "TM001"
"""PostgreSQL's error code of a refused write."""

# Other sessions wait behind a lock that is waited for; in a shared table, those of all tenants. So
# each attempt is short, and they continue in between.
_PATIENCE: Final = "SET LOCAL lock_timeout = '200ms'"
_PAUSE_SECONDS: Final = 0.3

_REFUSE: Final = "RAISE 'The tenant is being moved.' USING ERRCODE = '{}'"
_PERMIT: Final = "IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW"


def raise_fence(tenant: Identified, *, seconds: float) -> None:
    """Refuse writes from now on; when this returns, all earlier writes have ended.

    PostgreSQL makes a trigger when no transaction that has written to the table is open. Raises
    `WritesContinueError` if there is one after ``seconds``.
    """
    name = _name(tenant)
    made = [
        f"CREATE OR REPLACE TRIGGER {name}_{kind} {events} EXECUTE FUNCTION {name}()"
        for kind, events in triggers(tenant).items()
    ]
    with owner_cursor(tenant) as cursor:
        cursor.execute(_function(name, _REFUSE.format(SQLSTATE)))
        _on_every_table(cursor, made, seconds)


def lower_fence(tenant: Identified, *, seconds: float) -> None:
    """Permit writes again; do nothing if there is no fence.

    This needs no lock. The triggers, which do nothing any more, are dropped if the tables are not
    in use for ``seconds``.
    """
    name = _name(tenant)
    dropped = [f"DROP TRIGGER IF EXISTS {name}_{kind} ON {{table}}" for kind in triggers(tenant)]
    with owner_cursor(tenant) as cursor:
        cursor.execute("SELECT FROM pg_proc WHERE proname = %s", [name])
        if cursor.fetchone() is None:
            return
        cursor.execute(_function(name, _PERMIT))
        try:
            _on_every_table(cursor, dropped, seconds)
        except WritesContinueError:
            logger.warning("The triggers %s of a tenant remain, without an effect.", name)
        else:
            cursor.execute(f"DROP FUNCTION {name}()")


def _name(tenant: Identified) -> str:
    return f"write_fence_{tenant.id.hex}"


def _function(name: str, body: str) -> str:
    return (
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$BEGIN {body}; END$$"
    )


def _on_every_table(cursor: CursorWrapper, statements: Iterable[str], seconds: float) -> None:
    until = time.monotonic() + seconds
    for model in tenant_models_with_tables():
        quoted = '"{}"'.format(model._meta.db_table.replace('"', '""'))
        _execute(cursor, [each.format(table=quoted) for each in statements], until)


def _execute(cursor: CursorWrapper, statements: Iterable[str], until: float) -> None:
    """Run statements in one transaction, and again while they wait for a lock in vain."""
    while True:
        try:
            cursor.execute(";".join([_PATIENCE, *statements]))
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable):
                raise
            if time.monotonic() > until:
                message = "A transaction that uses the tenant's tables does not end."
                raise WritesContinueError(message) from error
            time.sleep(_PAUSE_SECONDS)
        else:
            return
