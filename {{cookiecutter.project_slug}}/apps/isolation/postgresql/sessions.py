"""Sessions with PostgreSQL, and rows of cursors, that serve one tenant at a time.

Whoever holds a cursor, a COPY, a stream or psycopg's own connection can use it after the active
tenant has changed. Each of psycopg's ways to the server leads through `Connection.wait`, so that is
where a session is guarded; rows that were fetched already are guarded by their cursor.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

import psycopg
from psycopg.pq import TransactionStatus

from apps.isolation.context import ActiveTenant, current_tenant, require_active
from apps.isolation.postgresql.on_commit import OnCommitMixin

if TYPE_CHECKING:
    Rows = psycopg.Cursor[Any]
else:
    Rows = object

_WHAT = "This cursor"


class GuardedSession(psycopg.Connection[Any]):
    """A session whose every use is checked by `guard`, unless the caller has done so."""

    _is_checked = False
    _begun_in: ActiveTenant | None = None

    def guard(self) -> None:
        """Prepare the session for the active tenant, or raise `WrongTenantError`."""
        raise NotImplementedError

    @contextmanager
    def checked(self) -> Iterator[None]:
        """Let what is sent in a block pass unchecked."""
        before, self._is_checked = self._is_checked, True
        try:
            yield
        finally:
            self._is_checked = before

    def wait(self, gen: Any, *args: Any, **kwargs: Any) -> Any:
        """Talk to the server; a COPY or a stream goes on in the tenant that began it only."""
        if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
            require_active(self._begun_in, _WHAT)
        else:
            self._begun_in = current_tenant()
            if not self._is_checked:
                self.guard()
        return super().wait(gen, *args, **kwargs)

    # Transactions end in whichever tenant is active by then.

    def commit(self) -> None:
        """Commit, in any tenant."""
        with self.checked():
            super().commit()

    def rollback(self) -> None:
        """Roll back, in any tenant."""
        with self.checked():
            super().rollback()

    def set_autocommit(self, value: bool) -> None:
        """Begin or end a transaction, in any tenant."""
        with self.checked():
            super().set_autocommit(value)


class BoundCopy(psycopg.Copy):
    """A COPY that goes on in the tenant that began it only, also with what it has collected."""

    begun_in: ActiveTenant | None

    def read(self) -> Any:
        """Return the next piece; raise `WrongTenantError` in another tenant."""
        require_active(self.begun_in, _WHAT)
        return super().read()

    def read_row(self) -> tuple[Any, ...] | None:
        """Return the next row; raise `WrongTenantError` in another tenant."""
        require_active(self.begun_in, _WHAT)
        return super().read_row()

    def write(self, buffer: Any) -> None:
        """Take the next piece; raise `WrongTenantError` in another tenant."""
        require_active(self.begun_in, _WHAT)
        super().write(buffer)

    def write_row(self, row: Any) -> None:
        """Take the next row; raise `WrongTenantError` in another tenant."""
        require_active(self.begun_in, _WHAT)
        super().write_row(row)


class BoundRows(Rows):
    """Binds a cursor's rows to the tenant in which the statement was executed."""

    _executed_in: ActiveTenant | None = None

    def execute(self, query: Any, params: Any = None, **kwargs: Any) -> Self:
        """Run a statement; its rows belong to the active tenant."""
        self._executed_in = current_tenant()
        return super().execute(query, params, **kwargs)

    def executemany(self, query: Any, params_seq: Any, **kwargs: Any) -> None:
        """Run a statement many times; its rows belong to the active tenant."""
        self._executed_in = current_tenant()
        super().executemany(query, params_seq, **kwargs)

    @contextmanager
    def copy(self, statement: Any, params: Any = None, **kwargs: Any) -> Iterator[psycopg.Copy]:
        """COPY, in the active tenant."""
        with super().copy(statement, params, **kwargs) as copy:
            bound: Any = copy
            bound.__class__, bound.begun_in = BoundCopy, current_tenant()
            yield bound

    def fetchone(self) -> Any:
        """Return the next row; raise `WrongTenantError` in another tenant."""
        require_active(self._executed_in, _WHAT)
        return super().fetchone()

    def fetchmany(self, size: int = 0) -> list[Any]:
        """Return the next rows; raise `WrongTenantError` in another tenant."""
        require_active(self._executed_in, _WHAT)
        return super().fetchmany(size)

    def fetchall(self) -> list[Any]:
        """Return all further rows; raise `WrongTenantError` in another tenant."""
        require_active(self._executed_in, _WHAT)
        return super().fetchall()

    def __next__(self) -> Any:
        """Return the next row; raise `WrongTenantError` in another tenant."""
        require_active(self._executed_in, _WHAT)
        return super().__next__()


class GuardedWrapperMixin(OnCommitMixin):
    """Keeps a database wrapper's own questions apart from a tenant's."""

    connection: Any  # a GuardedSession, or None before the first use

    def is_usable(self) -> bool:
        """Return whether the session answers; Django asks when a request has ended."""
        if self.connection is None:
            return False
        with self.connection.checked():
            return bool(super().is_usable())  # type: ignore[misc]
