"""PostgreSQL sessions and cursors that serve one tenant at a time.

Code can keep a cursor, a COPY, a stream or psycopg's connection while the active tenant changes.
Psycopg sends everything through `Connection.wait`, so the session is checked there. A cursor checks
the rows that it has fetched already.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

import psycopg
from psycopg.abc import Buffer, Params, PQGen, Query
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow

from apps.isolation.context import ActiveTenant, current_tenant, require_active
from apps.isolation.postgresql.on_commit import OnCommitMixin

_WHAT = "This cursor"


class GuardedSession(psycopg.Connection):
    """A session that calls `guard` before every use, except in a `checked` block."""

    _is_checked = False
    _begun_in: ActiveTenant | None = None

    def guard(self) -> None:
        """Prepare the session for the active tenant, or raise `WrongTenantError`."""
        raise NotImplementedError

    @contextmanager
    def checked(self) -> Iterator[None]:
        """Skip the check within the block."""
        before, self._is_checked = self._is_checked, True
        try:
            yield
        finally:
            self._is_checked = before

    def wait[R](self, gen: PQGen[R], *args: Any, **kwargs: Any) -> R:
        """Exchange messages; a COPY or a stream continues only in the tenant that began it."""
        if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
            require_active(self._begun_in, _WHAT)
        else:
            self._begun_in = current_tenant()
            if not self._is_checked:
                self.guard()
        return super().wait(gen, *args, **kwargs)

    # A transaction may end while another tenant is active.

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
    """A COPY that continues only in the tenant that began it, also with buffered data."""

    begun_in: ActiveTenant | None

    def read(self) -> Buffer:
        """Return the next block of data; raise `WrongTenantError` in another tenant."""
        require_active(self.begun_in, _WHAT)
        return super().read()

    def read_row(self) -> TupleRow | None:
        """Return the next row; raise `WrongTenantError` in another tenant."""
        require_active(self.begun_in, _WHAT)
        return super().read_row()

    def write(self, buffer: Buffer | str) -> None:
        """Write a block of data; raise `WrongTenantError` in another tenant."""
        require_active(self.begun_in, _WHAT)
        super().write(buffer)

    def write_row(self, row: Sequence[object]) -> None:
        """Write a row; raise `WrongTenantError` in another tenant."""
        require_active(self.begun_in, _WHAT)
        super().write_row(row)


class BoundRows(psycopg.Cursor):
    """Binds a cursor's rows to the tenant in which the statement was executed."""

    _executed_in: ActiveTenant | None = None

    def execute(self, query: Any, params: Params | None = None, **kwargs: bool | None) -> Self:
        """Run a statement; its rows belong to the active tenant."""
        self._executed_in = current_tenant()
        return super().execute(query, params, **kwargs)

    def executemany(self, query: Query, params_seq: Iterable[Params], **kwargs: bool) -> None:
        """Run a statement many times; its rows belong to the active tenant."""
        self._executed_in = current_tenant()
        super().executemany(query, params_seq, **kwargs)

    @contextmanager
    def copy(self, statement: Query, *args: Any, **kwargs: Any) -> Iterator[psycopg.Copy]:
        """Begin a COPY in the active tenant."""
        with super().copy(statement, *args, **kwargs) as copy:
            copy.__class__ = BoundCopy
            vars(copy)["begun_in"] = current_tenant()
            yield copy

    def fetchone(self) -> TupleRow | None:
        """Return the next row; raise `WrongTenantError` in another tenant."""
        require_active(self._executed_in, _WHAT)
        return super().fetchone()

    def fetchmany(self, size: int = 0) -> list[TupleRow]:
        """Return the next rows; raise `WrongTenantError` in another tenant."""
        require_active(self._executed_in, _WHAT)
        return super().fetchmany(size)

    def fetchall(self) -> list[TupleRow]:
        """Return the remaining rows; raise `WrongTenantError` in another tenant."""
        require_active(self._executed_in, _WHAT)
        return super().fetchall()

    def __next__(self) -> TupleRow:
        """Return the next row; raise `WrongTenantError` in another tenant."""
        require_active(self._executed_in, _WHAT)
        return super().__next__()


class GuardedWrapperMixin(OnCommitMixin):
    """Exempts a database wrapper's own queries from the tenant's checks."""

    connection: GuardedSession  # None before the first use

    def is_usable(self) -> bool:
        """Return whether the session works. Django calls this after a request."""
        if self.connection is None:
            return False
        with self.connection.checked():
            return super().is_usable()
