"""A tenant's connection: PostgreSQL, one of a bounded number."""

from django.db.backends.postgresql import base as postgresql

from apps.isolation.connections import note_use


class DatabaseWrapper(postgresql.DatabaseWrapper):
    """Django's backend, which tells when it is used."""

    def ensure_connection(self) -> None:
        """Connect if need be; called before every statement."""
        super().ensure_connection()
        note_use(self.alias)
