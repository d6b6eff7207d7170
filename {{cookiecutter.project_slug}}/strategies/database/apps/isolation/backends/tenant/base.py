"""A tenant's connection: PostgreSQL, one of a bounded number, and of use in its tenant only."""

from collections.abc import Callable
from typing import Any

from django.db.backends.postgresql import base as postgresql
from django.db.backends.postgresql import features

from apps.isolation.belonging import require_active
from apps.isolation.carried import CommitHooksMixin
from apps.isolation.connections import note_use
from apps.isolation.databases import tenant_of

OF_TRANSACTIONS = ("SAVEPOINT ", "RELEASE SAVEPOINT ", "ROLLBACK TO SAVEPOINT ", "SET CONSTRAINTS ")
"""What Django sends to the end of a block, whoever is active by then. It touches no row."""


class DatabaseFeatures(features.DatabaseFeatures):
    """Django's features of PostgreSQL."""

    # Django takes these from connections that a test may not use, and gives them back after the
    # test: to those that came meanwhile, too. That a test may not connect needs none of it.
    disallowed_simple_test_case_connection_methods = []


class DatabaseWrapper(CommitHooksMixin, postgresql.DatabaseWrapper):
    """Django's backend, which tells when it is used, and whom by."""

    features_class = DatabaseFeatures

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.execute_wrappers.append(self._execute)

    def ensure_connection(self) -> None:
        """Connect if need be; called before every statement."""
        super().ensure_connection()
        note_use(self.alias)

    def _execute(
        self, execute: Callable[..., Any], sql: Any, params: Any, many: Any, context: Any
    ) -> Any:
        """Send a statement; raise `WallViolation` if another tenant is active.

        A queryset or a cursor that was made in one tenant would still lead here from the next.
        """
        if not str(sql).startswith(OF_TRANSACTIONS):
            require_active(tenant_of(self.alias), f"The connection {self.alias}")
        return execute(sql, params, many, context)
