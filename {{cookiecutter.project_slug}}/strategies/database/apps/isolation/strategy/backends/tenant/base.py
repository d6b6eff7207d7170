"""A tenant's connection, usable only while its tenant is active."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import psycopg
from django.db import DEFAULT_DB_ALIAS
from django.db.backends.postgresql import base as postgresql
from django.db.backends.postgresql import features

from apps.isolation.context import ActiveTenant, activate_tenant, require_active
from apps.isolation.postgresql.sessions import BoundRows, GuardedSession, GuardedWrapperMixin
from apps.isolation.strategy.connections import note_use
from apps.isolation.strategy.naming import tenant_of

if TYPE_CHECKING:  # Django's stubs omit the base classes of these two.
    Cursor = psycopg.ClientCursor
    ServerSideCursor = psycopg.ServerCursor
else:
    from django.db.backends.postgresql.base import Cursor, ServerSideCursor

OF_TRANSACTIONS = ("SAVEPOINT ", "RELEASE SAVEPOINT ", "ROLLBACK TO SAVEPOINT ", "SET CONSTRAINTS ")
"""Statements that Django sends at the end of a block, when another tenant may be active."""


class TenantSession(GuardedSession):
    """A session that is usable in its own tenant only, however code obtained it."""

    tenant: ActiveTenant

    def guard(self) -> None:
        """Raise `WrongTenantError` if another tenant is active."""
        require_active(self.tenant, "This session")


class TenantCursor(BoundRows, Cursor):
    """A cursor whose rows are readable only in the tenant that executed the statement."""


class TenantServerSideCursor(BoundRows, ServerSideCursor):
    """A named cursor whose rows are readable only in the tenant that executed the statement."""

    connection: TenantSession

    def close(self) -> None:
        """Close the cursor, in any tenant."""
        with self.connection.checked():
            super().close()


class DatabaseFeatures(features.DatabaseFeatures):
    """Django's features of PostgreSQL."""

    # Django blocks these methods on connections that a test may not use, and restores them after
    # the test, also on connections created meanwhile. Blocking connections works without it.
    disallowed_simple_test_case_connection_methods = []


class DatabaseWrapper(GuardedWrapperMixin, postgresql.DatabaseWrapper):
    """Django's backend. It records its use, and refuses to work for another tenant."""

    features_class = DatabaseFeatures
    connection: TenantSession

    def __init__(self, settings_dict: dict[str, object], alias: str = DEFAULT_DB_ALIAS) -> None:
        super().__init__(settings_dict, alias)
        self.execute_wrappers.append(self._execute)

    def get_connection_params(self) -> dict[str, object]:
        """Add the cursor class to Django's parameters."""
        return super().get_connection_params() | {"cursor_factory": TenantCursor}

    def connect(self) -> None:
        """Connect inside the tenant, since receivers of ``connection_created`` may send queries."""
        with activate_tenant(tenant_of(self.alias)):
            super().connect()

    def create_cursor(self, name: str | None = None) -> psycopg.Cursor:
        """Return a cursor; `chunked_cursor` passes a name."""
        if name is None:
            cursor: psycopg.Cursor = super().create_cursor()
            return cursor
        session = self.connection
        return TenantServerSideCursor(
            session, name=name, scrollable=False, withhold=session.autocommit
        )

    def init_connection_state(self) -> None:
        """Guard the session from now on. Django's own first statements access no rows."""
        super().init_connection_state()
        session = self.connection
        # Django calls psycopg.connect(), which accepts no connection class.
        session.__class__ = TenantSession
        session.tenant = tenant_of(self.alias)
        session.server_cursor_factory = TenantServerSideCursor

    def ensure_connection(self) -> None:
        """Connect if necessary. Django calls this before every statement."""
        super().ensure_connection()
        note_use(self.alias)

    def savepoint_rollback(self, sid: str) -> None:
        """Roll back to a savepoint, and undo related writes to the shared data.

        An ``on_commit`` callback that is dropped here may have a function ``undo``. It is needed
        because PostgreSQL reports the outcome of whole transactions only.
        """
        before = list(self.run_on_commit)
        super().savepoint_rollback(sid)
        for callback in before:
            if callback not in self.run_on_commit:
                undo = getattr(callback[1], "undo", None)
                if undo:
                    undo()

    def _execute(self, execute: Callable[..., object], sql: object, *rest: object) -> object:
        """Send a statement; raise `WrongTenantError` if another tenant is active.

        Code may still hold a queryset or cursor of one tenant while another is active.
        """
        if not str(sql).startswith(OF_TRANSACTIONS):
            require_active(tenant_of(self.alias), f"The connection {self.alias}")
        with self.connection.checked():
            return execute(sql, *rest)
