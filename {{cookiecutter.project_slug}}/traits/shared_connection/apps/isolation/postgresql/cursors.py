"""Cursors that send the tenant's context with every statement.

The context is a ``SET LOCAL`` before the statement, in the same message of the simple query
protocol. It needs no round trip and ends with the transaction. So it leaves nothing on the
connection for the next thread, pool or PgBouncer client. The cursors store no state, which could
become wrong after a rollback to a savepoint.

For other uses of the session (FETCH of a named cursor, psycopg's own cursors), `ContextSession`
sends the context as a separate statement. A backend defines it by `context_statement`.
"""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Self

import psycopg
from django.core.exceptions import ImproperlyConfigured
from django.db import NotSupportedError
from django.db.backends.utils import CursorWrapper
from psycopg import sql
from psycopg.abc import Params, Query, QueryNoTemplate
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.rows import TupleRow

from apps.isolation.context import ActiveTenant, current_tenant
from apps.isolation.postgresql.sessions import BoundRows, GuardedSession, GuardedWrapperMixin

if TYPE_CHECKING:  # Django's stubs omit the base classes of these two.
    Cursor = psycopg.ClientCursor
    ServerSideCursor = psycopg.ServerCursor
else:
    from django.db.backends.postgresql.base import Cursor, ServerSideCursor


class ContextSession(GuardedSession):
    """A session that runs every statement in the context of the active tenant."""

    def context_statement(self, tenant: ActiveTenant | None) -> str:
        """Return the statement that enters ``tenant``, or leaves all tenants, until COMMIT."""
        raise NotImplementedError

    def context(self) -> str:
        """Return the context to send before a statement; empty if none is needed.

        Inside a transaction an earlier statement may have entered a tenant, so leaving it needs a
        statement. Outside of one, no context is set. A failed transaction accepts only ROLLBACK, so
        nothing may precede it.
        """
        tenant, status = current_tenant(), self.info.transaction_status
        if status == TransactionStatus.INERROR:
            return ""
        if tenant is None and status == TransactionStatus.IDLE:
            return ""
        return self.context_statement(tenant)

    def guard(self) -> None:
        """Enter the active tenant in the current transaction, if there is one.

        A nested `tenant_context` may have entered another tenant in it.
        """
        if self.pgconn.transaction_status != TransactionStatus.INTRANS:
            return
        result = self.pgconn.exec_(self.context().encode())
        if result.status != ExecStatus.COMMAND_OK:
            raise psycopg.OperationalError(result.get_error_message())


class ContextMixin(BoundRows):
    """Adds the context to the statements of a cursor."""

    connection: ContextSession

    @contextmanager
    def _context_of_its_own(self) -> Iterator[None]:
        """Send the context as a separate statement, where it cannot be a prefix."""
        session = self.connection
        context = session.context()
        with session.checked(), self._transaction() if context else nullcontext():
            if context:
                psycopg.ClientCursor(session).execute(context.encode())
            yield

    def _transaction(self) -> AbstractContextManager[object]:
        status = self.connection.info.transaction_status
        if self.connection.autocommit and status == TransactionStatus.IDLE:
            return self.connection.transaction()
        return nullcontext()


class ContextCursor(ContextMixin, Cursor):
    """A cursor that sends the tenant's context with each statement."""

    def execute(self, query: Any, params: Params | None = None, **kwargs: bool | None) -> Self:
        """Send context and statement in one message, and keep the statement's result."""
        session = self.connection
        context = session.context()
        if context:
            _refuse_declarations(query)
        with session.checked():
            super().execute(_joined(context, query), params, **kwargs)
        if context:
            self.nextset()
        return self

    def executemany(self, query: Query, params_seq: Iterable[Params], **kwargs: bool) -> None:
        """Run the statement for all parameters in a transaction with the context."""
        with self._context_of_its_own():
            super().executemany(query, params_seq, **kwargs)

    @contextmanager
    def copy(self, statement: Query, *args: Any, **kwargs: Any) -> Iterator[psycopg.Copy]:
        """Begin a COPY in a transaction with the context."""
        with self._context_of_its_own(), super().copy(statement, *args, **kwargs) as copy:
            yield copy

    def stream(self, query: Query, *args: Any, **kwargs: Any) -> Iterator[TupleRow]:
        """Fetch row by row in a transaction with the context."""
        with self._context_of_its_own():
            yield from super().stream(query, *args, **kwargs)


class ContextServerSideCursor(ContextMixin, ServerSideCursor):
    """A named cursor, declared in a transaction with the context."""

    def execute(self, query: Any, params: Params | None = None, **kwargs: bool | None) -> Self:
        """Declare the cursor in the context, since PostgreSQL resolves table names now."""
        with self._context_of_its_own():
            super().execute(query, params, **kwargs)
        return self

    def close(self) -> None:
        """Close the cursor, in any tenant."""
        with self.connection.checked():
            super().close()


class ContextWrapperMixin(GuardedWrapperMixin):
    """Makes a database wrapper create cursors that send the tenant's context."""

    context_session: type[ContextSession]
    context_cursor: type[ContextCursor] = ContextCursor

    def get_connection_params(self) -> dict[str, object]:
        """Add the cursor class to Django's parameters.

        Raises ImproperlyConfigured for an option that makes context prefixes impossible.
        """
        if self.settings_dict["OPTIONS"].get("server_side_binding"):
            message = "server_side_binding=True sends statements without their tenant."
            raise ImproperlyConfigured(message)
        return super().get_connection_params() | {"cursor_factory": self.context_cursor}

    def _configure_connection(self, connection: psycopg.Connection) -> bool:
        """Guard a new session before its first statement. Django calls this for pools too."""
        # Django calls psycopg.connect(), which accepts no connection class.
        connection.__class__ = self.context_session
        connection.server_cursor_factory = ContextServerSideCursor
        return bool(super()._configure_connection(connection))  # type: ignore[misc]

    def chunked_cursor(self) -> CursorWrapper:
        """Return the cursor of ``.iterator()``: a named one in a transaction, else a plain one.

        Outside of a transaction, a named cursor would have to be WITH HOLD, under a name that other
        processes use too. A pooler could give them the same server connection.
        """
        if self.connection is None or self.connection.autocommit:
            return self.cursor()
        return super().chunked_cursor()

    def create_cursor(self, name: str | None = None) -> psycopg.Cursor:
        """Return a cursor; `chunked_cursor` passes a name."""
        if name is None:
            cursor: psycopg.Cursor = super().create_cursor()
            return cursor
        return ContextServerSideCursor(self.connection, name=name, scrollable=False)


def _refuse_declarations(query: QueryNoTemplate) -> None:
    """Raise NotSupportedError for DECLARE in SQL, since such a cursor has no tenant."""
    text = query.decode() if isinstance(query, bytes) else query
    if isinstance(text, str) and text.lstrip()[:7].upper() == "DECLARE":
        message = "A cursor declared in SQL has no tenant: use .iterator() or chunked_cursor()."
        raise NotSupportedError(message)


def _joined(context: str, query: QueryNoTemplate) -> QueryNoTemplate:
    if not context:
        return query
    if isinstance(query, sql.Composable):
        return sql.SQL(context) + query
    if isinstance(query, bytes):
        return context.encode() + query
    return context + query
