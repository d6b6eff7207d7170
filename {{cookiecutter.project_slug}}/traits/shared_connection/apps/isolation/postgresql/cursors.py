"""Cursors that send the tenant's context along with every statement.

The context travels as a ``SET LOCAL`` in front of the statement, in the same message of the
simple query protocol. It costs no round trip, ends with the transaction, and so leaves nothing
behind for the next user of the connection, be it a thread, a pool or PgBouncer in transaction
mode. Nothing is remembered here either: what is not remembered cannot be wrong after a savepoint.

A backend mixes these into Django's cursors and says in `context_statement` what to send.
"""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Self

import psycopg
from django.core.exceptions import ImproperlyConfigured
from psycopg import sql
from psycopg.abc import Params, Query
from psycopg.pq import TransactionStatus

from apps.isolation.context import ActiveTenant, current_tenant
from apps.isolation.postgresql.on_commit import OnCommitMixin

if TYPE_CHECKING:  # Django's stubs leave out what these two inherit.
    Cursor = psycopg.ClientCursor
    ServerSideCursor = psycopg.ServerCursor
else:
    from django.db.backends.postgresql.base import Cursor, ServerSideCursor


class ContextMixin:
    """Adds the context to the statements of a cursor."""

    connection: psycopg.Connection

    def context_statement(self, tenant: ActiveTenant | None) -> str:
        """Return the statement that enters ``tenant``, or leaves all tenants, until COMMIT."""
        raise NotImplementedError

    def _context(self) -> str:
        """Return what to send first; nothing if nobody's context can be in force.

        Inside a transaction an earlier statement may have entered a tenant, so leaving must be
        said; between transactions nothing is left to leave. A transaction that has failed takes
        ROLLBACK and nothing else, so nothing may stand in front of it.
        """
        tenant, status = current_tenant(), self.connection.info.transaction_status
        if status == TransactionStatus.INERROR:
            return ""
        if tenant is None and status == TransactionStatus.IDLE:
            return ""
        return self.context_statement(tenant)

    @contextmanager
    def _context_of_its_own(self) -> Iterator[None]:
        """Enter the context by a statement of its own, where none can be prefixed."""
        context = self._context()
        with self._transaction() if context else nullcontext():
            if context:
                psycopg.ClientCursor(self.connection).execute(context.encode())
            yield

    def _transaction(self) -> AbstractContextManager[object]:
        status = self.connection.info.transaction_status
        if self.connection.autocommit and status == TransactionStatus.IDLE:
            return self.connection.transaction()
        return nullcontext()


class ContextCursor(ContextMixin, Cursor):
    """A cursor whose statements carry the tenant's context."""

    def execute(self, query: Any, params: Any = None, **kwargs: Any) -> Self:
        """Send context and statement in one message; the result is the statement's."""
        context = self._context()
        if not context:
            super().execute(query, params, **kwargs)
            return self
        super().execute(_joined(context, query), params, **kwargs)
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
        """Declare the cursor."""
        with self._context_of_its_own():
            super().execute(query, params, **kwargs)
        return self


class ContextWrapperMixin(OnCommitMixin):
    """Makes a database wrapper hand out cursors that carry the tenant's context."""

    context_cursor: type[ContextCursor]
    context_server_side_cursor: type[ContextServerSideCursor]

    connection: Any  # psycopg's, or None before the first use
    settings_dict: dict[str, Any]

    def get_connection_params(self) -> dict[str, object]:
        """Add the cursor class to what Django connects with.

        Raises ImproperlyConfigured for an option under which no statement could carry a context.
        """
        if self.settings_dict["OPTIONS"].get("server_side_binding"):
            message = "server_side_binding=True sends statements alone, without their tenant."
            raise ImproperlyConfigured(message)
        params: dict[str, object] = super().get_connection_params()  # type: ignore[misc]
        return params | {"cursor_factory": self.context_cursor}

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
        return self.context_server_side_cursor(self.connection, name=name, scrollable=False)


def _joined(context: str, query: Any) -> Any:
    if isinstance(query, sql.Composable):
        return sql.SQL(context) + query
    if isinstance(query, bytes):
        return context.encode() + query
    return context + query
