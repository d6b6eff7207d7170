"""A tenant's connection: PostgreSQL, one of a bounded number."""

from django.db.backends.postgresql import base as postgresql
from django.db.backends.postgresql import features

from apps.isolation.carried import CommitHooksMixin
from apps.isolation.connections import note_use


class DatabaseFeatures(features.DatabaseFeatures):
    """Django's features of PostgreSQL."""

    # Django takes these from connections that a test may not use, and gives them back after the
    # test: to those that came meanwhile, too. That a test may not connect needs none of it.
    disallowed_simple_test_case_connection_methods = []


class DatabaseWrapper(CommitHooksMixin, postgresql.DatabaseWrapper):
    """Django's backend, which tells when it is used."""

    features_class = DatabaseFeatures

    def ensure_connection(self) -> None:
        """Connect if need be; called before every statement."""
        super().ensure_connection()
        note_use(self.alias)
