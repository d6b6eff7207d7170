"""The interface that strategies implement if tenants have their own tables."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from django.db.backends.base.base import BaseDatabaseWrapper


class Targets(Protocol):
    """The places of tenants' tables, as ``migrate`` iterates over them."""

    COMPARED_AT_ONCE: int
    """Number of targets whose tables one connection reads with one query."""

    def enter(self, target: str) -> str:
        """Return SQL that enters a target until COMMIT; empty if the connection is in it."""

    def prepare(self, connection: BaseDatabaseWrapper) -> str:
        """Send what a target needs before its migrations; return it, for targets like this one."""

    def adapt(self, statement: str) -> str:
        """Return a migration's statement in the form to send; empty if it must be omitted."""

    def check_made(self, target: str, connection: BaseDatabaseWrapper) -> None:
        """Raise an error if a migration created an object that new tenants would lack."""

    def target_opener(
        self,
    ) -> AbstractContextManager[Callable[[str], AbstractContextManager[BaseDatabaseWrapper]]]:
        """Yield a function that opens one target after another as the owner."""

    def opened_template(self) -> AbstractContextManager[tuple[str, BaseDatabaseWrapper]]:
        """Open the template; yield its name and the connection."""

    def schema_in(self, target: str) -> str:
        """Return the schema of a target's tables."""

    def fingerprints(self) -> Mapping[str, str | None]:
        """Return the tenants' targets with the last known hashes of their applied migrations."""
