"""The interface that every strategy implements, by module.

``strategy/__init__.py`` assigns the modules to these protocols, so mypy reports missing names.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any, Protocol
from uuid import UUID

from django.db import models
from django.db.backends.utils import CursorWrapper

from apps.isolation.context import ActiveTenant, Identified
from apps.isolation.postgresql.invariants import Breach, Invariants


@dataclass(frozen=True, slots=True)
class ProvisioningReport:
    """A tenant's tables: their physical name, whether they exist, their number, bytes in total."""

    name: str
    exists: bool
    tables: int
    size: int


type Breaches = Mapping[str, Mapping[str, Breach]]
"""A breach for each clause of each invariant, by their names."""


class Outcome(Enum):
    """The outcome of a transaction. PostgreSQL forgets it after some two billion others."""

    COMMITTED = auto()
    ABORTED = auto()
    IN_PROGRESS = auto()
    FORGOTTEN = auto()


class Transactions(Protocol):
    """Transactions of tenants, as the shared data sees them."""

    def open_transaction(self) -> str:
        """Return the id of the active tenant's transaction, if it does not include shared data.

        Returns an empty text without a transaction, and if one transaction includes both.
        """

    def outcome(self, tenant_id: UUID, transaction: str) -> Outcome:
        """Return the outcome of a tenant's transaction."""


class Naming(Protocol):
    """Names of tenants' data in PostgreSQL and Django."""

    def physical_name(self, tenant_id: UUID) -> str:
        """Return the name of a tenant's data in PostgreSQL, derived from the id only."""


class Models(Protocol):
    """Base classes of the models of tenants and domains; base and helpers of tenant models."""

    @property
    def TenantBase(self) -> type[models.Model]:  # noqa: N802 - a class
        """Base class of the tenant model."""

    @property
    def DomainBase(self) -> type[models.Model]:  # noqa: N802 - a class
        """Base class of the domain model."""

    @property
    def TenantModel(self) -> type[models.Model]:  # noqa: N802 - a class
        """Base class of every tenant model."""

    def tenant_unique(self, *fields: str, name: str) -> models.UniqueConstraint:
        """Return a constraint that makes values of ``fields`` unique within a tenant."""

    def tenant_index(self, *fields: str, name: str) -> models.Index:
        """Return an index over ``fields`` within a tenant."""


class Routers(Protocol):
    """Routing of the ORM's queries."""

    @property
    def TenantRouter(self) -> type[object]:  # noqa: N802 - a class
        """Router for ``DATABASE_ROUTERS``; raises `NoTenantError` outside of tenants."""


class SharedKeys(Protocol):
    """Plain keys from tenants' tables to shared data."""

    def find_obstacle(self, field: Any) -> str:
        """Return why a plain relation to shared data cannot work; an empty text if it can."""


class Provisioning(Protocol):
    """Making and destroying a tenant's tables."""

    @property
    def NEEDS_STORAGE(self) -> bool:  # noqa: N802 - a constant
        """True if a tenant has no place for its rows until `provision` has made it."""

    def provision(self, tenant: Identified) -> None:
        """Create the tenant's tables, unless they exist. Raises `ProvisioningError`."""

    def deprovision(self, tenant: Identified) -> None:
        """Destroy the tenant's tables and files, if they exist."""

    def provisioning_report(self, tenant: Identified) -> ProvisioningReport:
        """Describe the tenant's tables."""

    def owner_cursor(self, tenant: Identified) -> AbstractContextManager[CursorWrapper]:
        """Open a cursor of the owner in the place of the tenant's tables."""

    def wipe(self) -> None:
        """Delete all rows of the shared data and of every tenant."""


class FenceTriggers(Protocol):
    """Triggers that refuse writes to one tenant's rows."""

    def triggers(self, tenant: Identified) -> Mapping[str, str]:
        """Return the events and conditions of the triggers of a table, by their names."""


class DatabaseInvariants(Protocol):
    """The invariants, and the tenant that the database sees."""

    def invariants(self) -> Invariants:
        """Return the invariants by name."""

    def connection_identity(self) -> tuple[str, UUID | None]:
        """Return role and tenant of the run-time connection; raise ValueError if unclear."""

    def sample_tenant(self) -> ActiveTenant | None:
        """Return a tenant with tables, or None if there is none yet."""

    def count_unmigrated(self, tenants: Mapping[UUID, datetime]) -> int:
        """Count the tenants with unapplied migrations, given their ids and creation times."""


class Testing(Protocol):
    """Facts about the strategy that its tests rely on."""

    @property
    def INAPPLICABLE(self) -> Mapping[str, str]:  # noqa: N802 - a constant
        """Invariants of other strategies that this one does not need, with the reason."""

    @property
    def IDS_ARE_UNIQUE_AMONG_TENANTS(self) -> bool:  # noqa: N802 - a constant
        """True if rows of two tenants never have the same id."""

    @property
    def STATEMENTS_CARRY_THE_TENANT(self) -> bool:  # noqa: N802 - a constant
        """True if each message contains the tenant, and a pooler could split the message."""

    @property
    def PRESETS(self) -> Sequence[str]:  # noqa: N802 - a constant
        """Connection options that would preset a tenant for every statement."""

    def breaches(self) -> Breaches:
        """Return a breach for each clause of each invariant of this strategy alone."""
