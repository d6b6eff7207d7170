"""A tenant's connection: one of a bounded number, and usable in its tenant only."""

from collections.abc import Callable
from typing import Any

from django.db.backends.postgresql import base as postgresql
from django.db.backends.postgresql import features

from apps.isolation.ownership import require_active
from apps.isolation.postgresql.on_commit import OnCommitMixin
from apps.isolation.strategy.connections import note_use
from apps.isolation.strategy.naming import tenant_of

OF_TRANSACTIONS = ("SAVEPOINT ", "RELEASE SAVEPOINT ", "ROLLBACK TO SAVEPOINT ", "SET CONSTRAINTS ")
"""Statements that Django sends at the end of a block, whichever tenant is active by then."""


class DatabaseFeatures(features.DatabaseFeatures):
    """Django's features of PostgreSQL."""

    # Django takes these from connections that a test may not use, and gives them back after the
    # test: to those that came meanwhile, too. That a test may not connect needs none of it.
    disallowed_simple_test_case_connection_methods = []


class DatabaseWrapper(OnCommitMixin, postgresql.DatabaseWrapper):
    """Django's backend, which records its use, and refuses another tenant's."""

    features_class = DatabaseFeatures

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.execute_wrappers.append(self._execute)

    def ensure_connection(self) -> None:
        """Connect if need be; called before every statement."""
        super().ensure_connection()
        note_use(self.alias)

    def _execute(
        self,
        execute: Callable[..., object],
        sql: object,
        params: object,
        many: bool,
        context: object,
    ) -> object:
        """Send a statement; raise `WrongTenantError` if another tenant is active.

        A queryset or a cursor that was made in one tenant would still lead here from the next.
        """
        if not str(sql).startswith(OF_TRANSACTIONS):
            require_active(tenant_of(self.alias), f"The connection {self.alias}")
        return execute(sql, params, many, context)
