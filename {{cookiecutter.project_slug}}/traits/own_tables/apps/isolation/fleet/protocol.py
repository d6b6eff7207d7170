"""The part of the seam for tenants that have tables of their own."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from django.db.backends.base.base import BaseDatabaseWrapper


class Targets(Protocol):
    """The places of tenants' tables, as ``migrate`` iterates over them."""

    def enter(self, target: str) -> str:
        """Return SQL that enters a target until COMMIT; empty where connecting enters it."""

    def adapt(self, statement: str) -> str:
        """Return a migration's statement as it is to be sent; empty if it is to be left out."""

    def check_made(self, target: str, connection: BaseDatabaseWrapper) -> None:
        """Refuse what a migration has made, before it ends, if a new tenant would lack it."""

    def target_opener(
        self,
    ) -> AbstractContextManager[Callable[[str], AbstractContextManager[BaseDatabaseWrapper]]]:
        """Open a function that opens one target after the other as the owner."""

    def opened_template(self) -> AbstractContextManager[tuple[str, BaseDatabaseWrapper]]:
        """Open the template; give its name and the connection."""

    def schema_in(self, target: str) -> str:
        """Return the schema that holds a target's tables."""

    def fingerprints(self) -> Mapping[str, str | None]:
        """Return the tenants' targets with the last known hashes of their applied migrations."""
