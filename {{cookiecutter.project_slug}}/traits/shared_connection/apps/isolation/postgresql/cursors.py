"""Cursors that send the tenant's context along with every statement.

The context travels as a ``SET LOCAL`` in front of the statement, in the same message of the
simple query protocol. It costs no round trip, ends with the transaction, and so leaves nothing
behind for the next user of the connection, be it a thread, a pool or PgBouncer in transaction
mode. Nothing is remembered here either: what is not remembered cannot be wrong after a savepoint.

Whatever uses the session by another way (FETCH of a named cursor, cursors of psycopg's own) gets
the context by a statement of its own, which `ContextSession` sends. A backend says in its session's
`context_statement` what to send.
"""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Self

import psycopg
from django.core.exceptions import ImproperlyConfigured
from django.db import NotSupportedError
from psycopg import sql
from psycopg.abc import Params, Query
from psycopg.pq import ExecStatus, TransactionStatus

from apps.isolation.context import ActiveTenant, current_tenant
from apps.isolation.postgresql.sessions import BoundRows, GuardedSession, GuardedWrapperMixin

if TYPE_CHECKING:  # Django's stubs leave out what these two inherit.
    Cursor = psycopg.ClientCursor
    ServerSideCursor = psycopg.ServerCursor
else:
    from django.db.backends.postgresql.base import Cursor, ServerSideCursor


class ContextSession(GuardedSession):
    """A session that runs nothing in the context of another tenant than the active one."""

    def context_statement(self, tenant: ActiveTenant | None) -> str:
        """Return the statement that enters ``tenant``, or leaves all tenants, until COMMIT."""
        raise NotImplementedError

    def context(self) -> str:
        """Return what to send first; nothing if nobody's context can be in force.

        Inside a transaction an earlier statement may have entered a tenant, so leaving must be
        said; between transactions nothing is left to leave. A transaction that has failed takes
        ROLLBACK and nothing else, so nothing may stand in front of it.
        """
        tenant, status = current_tenant(), self.info.transaction_status
        if status == TransactionStatus.INERROR:
            return ""
        if tenant is None and status == TransactionStatus.IDLE:
            return ""
        return self.context_statement(tenant)

    def guard(self) -> None:
        """Enter the active tenant, in the transaction that there is; without one, nobody's is.

        A nested `tenant_context` may have entered another one there.
        """
        if self.pgconn.transaction_status != TransactionStatus.INTRANS:
            return
        result = self.pgconn.exec_(self.context().encode())
        if result.status != ExecStatus.COMMAND_OK:
            raise psycopg.OperationalError(result.get_error_message())


class ContextMixin(BoundRows):
    """Adds the context to the statements of a cursor."""

    connection: Any  # a ContextSession

    @contextmanager
    def _context_of_its_own(self) -> Iterator[None]:
        """Enter the context by a statement of its own, where none can be prefixed."""
        session = self.connection
        context = session.context()
        with session.checked(), self._transaction() if context else nullcontext():
            if context:
                psycopg.ClientCursor(session).execute(context.encode())
            yield

    def _transaction(self) -> AbstractContextManager[object]:
        status = self.connection.info.transaction_status
        if self.connection.autocommit and status == TransactionStatus.IDLE:
            transaction: AbstractContextManager[Any] = self.connection.transaction()
            return transaction
        return nullcontext()


class ContextCursor(ContextMixin, Cursor):
    """A cursor whose statements carry the tenant's context."""

    def execute(self, query: Any, params: Any = None, **kwargs: Any) -> Self:
        """Send context and statement in one message; the result is the statement's."""
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
        """Run the statement for all parameters, in a transaction that has the context."""
        with self._context_of_its_own():
            super().executemany(query, params_seq, **kwargs)

    @contextmanager
    def copy(self, statement: Any, params: Any = None, **kwargs: Any) -> Iterator[psycopg.Copy]:
        """COPY, in a transaction that has the context."""
        with self._context_of_its_own(), super().copy(statement, params, **kwargs) as copy:
            yield copy

    def stream(self, query: Any, params: Any = None, **kwargs: Any) -> Iterator[Any]:
        """Fetch row by row, in a transaction that has the context."""
        with self._context_of_its_own():
            yield from super().stream(query, params, **kwargs)


class ContextServerSideCursor(ContextMixin, ServerSideCursor):
    """A named cursor, declared in a transaction that has the context."""

    def execute(self, query: Any, params: Any = None, **kwargs: Any) -> Self:
        """Declare the cursor; PostgreSQL resolves the names of its tables now."""
        with self._context_of_its_own():
            super().execute(query, params, **kwargs)
        return self

    def close(self) -> None:
        """Close the cursor, in any tenant."""
        with self.connection.checked():
            super().close()


class ContextWrapperMixin(GuardedWrapperMixin):
    """Makes a database wrapper hand out cursors that carry the tenant's context."""

    context_session: type[ContextSession]
    context_cursor: type[ContextCursor] = ContextCursor

    settings_dict: dict[str, Any]

    def get_connection_params(self) -> dict[str, object]:
        """Add the cursor class to what Django connects with.

        Raises ImproperlyConfigured for an option under which no statement could carry a context.
        """
        if self.settings_dict["OPTIONS"].get("server_side_binding"):
            message = "server_side_binding=True sends statements without their tenant."
            raise ImproperlyConfigured(message)
        params: dict[str, object] = super().get_connection_params()  # type: ignore[misc]
        return params | {"cursor_factory": self.context_cursor}

    def _configure_connection(self, connection: Any) -> bool:
        """Guard a new session before its first statement; Django's name, for pools too."""
        # Django connects by psycopg's function, which takes no class.
        connection.__class__ = self.context_session
        connection.server_cursor_factory = ContextServerSideCursor
        return bool(super()._configure_connection(connection))  # type: ignore[misc]

    def chunked_cursor(self) -> Any:
        """Return the cursor of ``.iterator()``: a named one in a transaction, else a plain one.

        Between transactions a named cursor would have to be held on the server's side, under a
        name that other processes use too. A pooler may hand that server to one of them.
        """
        if self.connection is None or self.connection.autocommit:
            return self._cursor()  # type: ignore[attr-defined]
        return super().chunked_cursor()  # type: ignore[misc]

    def create_cursor(self, name: str | None = None) -> Any:
        """Return a cursor; named ones are those of `chunked_cursor`."""
        if name is None:
            return super().create_cursor()  # type: ignore[misc]
        return ContextServerSideCursor(self.connection, name=name, scrollable=False)


def _refuse_declarations(query: Any) -> None:
    """Raise NotSupportedError for a cursor that is declared by hand: nothing would bind it."""
    text = query.decode() if isinstance(query, bytes) else query
    if isinstance(text, str) and text.lstrip()[:7].upper() == "DECLARE":
        message = "A cursor declared in SQL has no tenant: use .iterator() or chunked_cursor()."
        raise NotSupportedError(message)


def _joined(context: str, query: Any) -> Any:
    if not context:
        return query
    if isinstance(query, sql.Composable):
        return sql.SQL(context) + query
    if isinstance(query, bytes):
        return context.encode() + query
    return context + query
