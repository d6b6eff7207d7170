"""The owner's connection: PostgreSQL, with test databases that leave nothing behind."""

from typing import Any

from django.db.backends.postgresql import base as postgresql
from django.db.backends.postgresql import creation as postgresql_creation

from apps.isolation.provisioning import drop_fleet


class DatabaseCreation(postgresql_creation.DatabaseCreation):
    """Counts the template and the tenants' databases as parts of a test database."""

    def _create_test_db(self, verbosity: int, autoclobber: bool, keepdb: bool = False) -> Any:
        if not keepdb:
            self._drop_fleet(self._get_test_db_name())  # of a run that was killed
        return super()._create_test_db(verbosity, autoclobber, keepdb)

    def _destroy_test_db(self, test_database_name: str, verbosity: int) -> None:
        self._drop_fleet(test_database_name)
        super()._destroy_test_db(test_database_name, verbosity)

    def _drop_fleet(self, catalogue: str) -> None:
        with self._nodb_cursor() as cursor:
            drop_fleet(cursor, catalogue)


class DatabaseWrapper(postgresql.DatabaseWrapper):
    """Django's backend, with the above."""

    creation_class = DatabaseCreation
