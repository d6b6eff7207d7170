"""The seam: the names that every strategy defines, module by module.

``strategy/__init__.py`` holds the chosen strategy to these protocols, so mypy names what it lacks.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Protocol
from uuid import UUID

from django.db import models
from django.db.backends.utils import CursorWrapper

from apps.isolation.context import ActiveTenant, Identified
from apps.isolation.postgresql.invariants import Invariants


@dataclass(frozen=True, slots=True)
class ProvisioningReport:
    """A tenant's tables: physical name, whether it exists, number, size in bytes."""

    name: str
    exists: bool
    tables: int
    size: int


@dataclass(frozen=True, slots=True)
class Breach:
    """How tests violate one clause of an invariant.

    Statements of the owner that do and undo it, where the tables of ``tenant`` are, by default
    the shared data's; or a role to ``examine`` that has what nobody may grant.
    """

    make: str = ""
    undo: str = ""
    tenant: ActiveTenant | None = None
    examine: str = ""


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
        """Return the id of the active tenant's transaction, if the shared data is not part of it.

        Nothing if there is none, or if it holds both.
        """

    def outcome(self, tenant_id: UUID, transaction: str) -> Outcome:
        """Return what became of a transaction of a tenant."""


class Naming(Protocol):
    """Names by which PostgreSQL and Django know tenants' data."""

    def physical_name(self, tenant_id: UUID) -> str:
        """Return the name of a tenant's data in PostgreSQL; made from the id alone."""


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


class Provisioning(Protocol):
    """Making and destroying a tenant's tables."""

    def provision(self, tenant: Identified) -> None:
        """Make the tenant's tables; do nothing if they exist. Raises `ProvisioningError`."""

    def deprovision(self, tenant: Identified) -> None:
        """Destroy the tenant's tables and files; do nothing if they are gone."""

    def provisioning_report(self, tenant: Identified) -> ProvisioningReport:
        """Describe the tenant's tables."""

    def wipe(self) -> None:
        """Delete all rows of the shared data and of every tenant."""


class DatabaseInvariants(Protocol):
    """The invariants, and the tenant that the database sees."""

    def invariants(self) -> Invariants:
        """Return the invariants by name."""

    def connection_identity(self) -> tuple[str, UUID | None]:
        """Return the role and the tenant of the run-time connection; ValueError if undecidable."""

    def sample_tenant(self) -> ActiveTenant | None:
        """Return a tenant for which a statement can be sent; None if there is none yet."""

    def count_unmigrated(self, tenants: Mapping[UUID, datetime]) -> int:
        """Count the tenants, given with when they were made, that wait for migrations."""


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
        """True if each message contains the tenant, so that a pooler could split it."""

    @property
    def PRESETS(self) -> Sequence[str]:  # noqa: N802 - a constant
        """Options of a connection under which every statement would have a tenant."""

    def owner_cursor(self, tenant: Identified) -> AbstractContextManager[CursorWrapper]:
        """Open a cursor of the owner where the tenant's tables are."""

    def breaches(self) -> Breaches:
        """Return a breach for each clause of each invariant that only this strategy has."""
