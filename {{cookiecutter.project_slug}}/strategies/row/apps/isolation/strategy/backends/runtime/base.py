"""The run-time connection, which sends the active tenant's id with each statement."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

import psycopg
from django.db.backends.postgresql import base as postgresql
from django.db.backends.postgresql.operations import DatabaseOperations
from django.db.models.constants import OnConflict
from psycopg.abc import Params, Query

from apps.isolation.app_registry import is_tenant_model
from apps.isolation.context import ActiveTenant
from apps.isolation.exceptions import WrongTenantError
from apps.isolation.fields import ModelField
from apps.isolation.postgresql.client import TenantClient
from apps.isolation.postgresql.cursors import ContextCursor, ContextSession, ContextWrapperMixin


class RLSSession(ContextSession):
    """A session that sets the tenant for the policies of tenant tables."""

    def context_statement(self, tenant: ActiveTenant | None) -> str:
        """Return the SET LOCAL of the tenant's id, or of an empty text without a tenant."""
        return f"SET LOCAL app.tenant = '{tenant.id if tenant else ''}';"


class RLSCursor(ContextCursor):
    """A cursor that reads and writes the active tenant's rows."""

    def execute(self, query: Any, params: Params | None = None, **kwargs: bool | None) -> Self:
        """Run a statement; raise `WrongTenantError` if a policy refuses a written row."""
        with _wrong_tenant_errors():
            return super().execute(query, params, **kwargs)

    def executemany(self, query: Query, params_seq: Iterable[Params], **kwargs: bool) -> None:
        """Run a statement many times; raise `WrongTenantError` if a policy refuses a row."""
        with _wrong_tenant_errors():
            super().executemany(query, params_seq, **kwargs)


class RLSOperations(DatabaseOperations):
    """Adds the tenant to statements that name the columns of a constraint."""

    def on_conflict_suffix_sql(
        self,
        fields: Sequence[ModelField],
        on_conflict: OnConflict | None,
        update_fields: Iterable[str],
        unique_fields: Iterable[str],
    ) -> str:
        """Return an ON CONFLICT clause with the tenant, which every unique constraint contains."""
        if on_conflict is None:
            return ""
        if on_conflict is OnConflict.UPDATE and is_tenant_model(fields[0].model):
            unique_fields = dict.fromkeys(["tenant_id", *unique_fields])
        return super().on_conflict_suffix_sql(fields, on_conflict, update_fields, unique_fields)


class RLSClient(TenantClient):
    """psql with a session that reads and writes the active tenant's rows."""

    @staticmethod
    def preset(tenant: ActiveTenant) -> str:
        """Return the setting that the policies read."""
        return f"app.tenant={tenant.id}"


class DatabaseWrapper(ContextWrapperMixin, postgresql.DatabaseWrapper):
    """Django's backend, with cursors that send the tenant."""

    client_class = RLSClient
    ops_class = RLSOperations
    context_session = RLSSession
    context_cursor = RLSCursor


@contextmanager
def _wrong_tenant_errors() -> Iterator[None]:
    try:
        yield
    except psycopg.errors.InsufficientPrivilege as error:
        # The same SQLSTATE also reports a missing privilege on a table. That is an error of the
        # installation, not of the request.
        if "row-level security policy" not in str(error):
            raise
        raise WrongTenantError(str(error)) from error
