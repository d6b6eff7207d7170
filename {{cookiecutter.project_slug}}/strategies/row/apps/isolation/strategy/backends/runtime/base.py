"""The run-time connection: each statement carries the active tenant's id."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import psycopg
from django.db.backends.postgresql import base as postgresql
from psycopg.abc import Params, Query

from apps.isolation.context import ActiveTenant
from apps.isolation.exceptions import WrongTenantError
from apps.isolation.postgresql.client import TenantClient
from apps.isolation.postgresql.cursors import ContextCursor, ContextSession, ContextWrapperMixin


class RLSSession(ContextSession):
    """Enters a tenant by the setting that the policies of every tenant table read."""

    def context_statement(self, tenant: ActiveTenant | None) -> str:
        """Return the SET LOCAL of the tenant's id; of nothing, without a tenant."""
        return f"SET LOCAL app.tenant = '{tenant.id if tenant else ''}';"


class RLSCursor(ContextCursor):
    """A cursor that reaches the active tenant's rows."""

    def execute(self, query: Any, params: Any = None, **kwargs: Any) -> Self:
        """Run a statement; raise `WrongTenantError` if a policy refuses the row it writes."""
        with _wrong_tenant_errors():
            return super().execute(query, params, **kwargs)

    def executemany(self, query: Query, params_seq: Iterable[Params], **kwargs: bool) -> None:
        """Run a statement many times; raise `WrongTenantError` if a policy refuses a row."""
        with _wrong_tenant_errors():
            super().executemany(query, params_seq, **kwargs)


class RLSClient(TenantClient):
    """psql whose session reaches the active tenant's rows."""

    @staticmethod
    def preset(tenant: ActiveTenant) -> str:
        """Return the setting that the policies read."""
        return f"app.tenant={tenant.id}"


class DatabaseWrapper(ContextWrapperMixin, postgresql.DatabaseWrapper):
    """Django's backend, with cursors that name the tenant."""

    client_class = RLSClient
    context_session = RLSSession
    context_cursor = RLSCursor


@contextmanager
def _wrong_tenant_errors() -> Iterator[None]:
    try:
        yield
    except psycopg.errors.InsufficientPrivilege as error:
        # The same SQLSTATE says that a table may not be accessed at all, which is a fault of the
        # installation and not of the request.
        if "row-level security policy" not in str(error):
            raise
        raise WrongTenantError(str(error)) from error
