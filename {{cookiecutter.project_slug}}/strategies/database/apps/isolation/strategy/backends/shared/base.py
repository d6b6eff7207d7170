"""The connection to the shared data."""

from django.db.backends.postgresql import base as postgresql

from apps.isolation.postgresql.on_commit import OnCommitMixin


class DatabaseWrapper(OnCommitMixin, postgresql.DatabaseWrapper):
    """Django's backend. Its ``on_commit`` callbacks run in the tenant that registered them."""
