"""The active tenant.

A ``ContextVar`` holds it, so asyncio tasks, ``sync_to_async`` and threads of asgiref inherit it.
Database connections read it for each statement and store no tenant themselves.
"""

from contextvars import ContextVar
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self
from uuid import UUID

from apps.isolation.exceptions import NoTenantError, TenantUnavailableError, WrongTenantError


@dataclass(frozen=True, slots=True)
class ActiveTenant:
    """The tenant of an execution context. Every physical name is derived from its id."""

    id: UUID

    def __post_init__(self) -> None:
        """Raise TypeError for an id that is not a UUID, since it becomes part of names and SQL."""
        if not isinstance(self.id, UUID):
            message = f"A tenant's id is a UUID, not {self.id!r}."
            raise TypeError(message)


class Identified(Protocol):
    """An object with a tenant's id: a row of the tenant model, or an `ActiveTenant`."""

    @property
    def id(self) -> UUID:
        """The tenant's id."""


class Tenant(Identified, Protocol):
    """The attributes of a tenant's row that `tenant_context` needs."""

    @property
    def is_usable(self) -> bool:
        """True if the tenant may be entered now."""


@dataclass(slots=True, eq=False)
class _Entry:
    """One activation of a tenant or of none, and the activation around it."""

    tenant: ActiveTenant | None
    outer: "_Entry | None"
    has_ended: bool = False
    outer_had_ended: bool = field(init=False)
    """True in a task that outlived the block around it. Such a task keeps its tenant."""

    def __post_init__(self) -> None:
        self.outer_had_ended = self.outer is not None and self.outer.has_ended


_active: ContextVar[_Entry | None] = ContextVar("active_tenant", default=None)


def current_tenant() -> ActiveTenant | None:
    """Return the tenant of this execution context, or None."""
    entry = _active.get()
    return None if entry is None else entry.tenant


def require_tenant() -> ActiveTenant:
    """Return the tenant of this execution context; raise `NoTenantError` if there is none."""
    tenant = current_tenant()
    if tenant is None:
        raise NoTenantError
    return tenant


def is_foreign(tenant: ActiveTenant | None) -> bool:
    """Return whether ``tenant`` is not the active one; raise `NoTenantError` if none is active.

    None stands for objects without a tenant, which are never foreign.
    """
    return tenant is not None and tenant != require_tenant()


def require_active(tenant: ActiveTenant | None, what: str) -> None:
    """Raise `WrongTenantError` if ``what`` belongs to a tenant other than the active one."""
    if is_foreign(tenant):
        message = f"{what} belongs to another tenant than the active one."
        raise WrongTenantError(message)


class activate_tenant:  # noqa: N801 - used like a function, in a with statement
    """Activate a tenant, or none, without checking that it is usable.

    For code that decides about access: the request middleware, provisioning, test support. All
    other code uses `tenant_context`.

    Generators may end in a different order than they began, and in any execution context. So the
    end of a block removes only its own entry, and never restores an entry that has ended.
    """

    def __init__(self, tenant: ActiveTenant | None) -> None:
        self._tenant = tenant
        self._entries: list[_Entry] = []

    def __enter__(self) -> Self:
        entry = _Entry(self._tenant, _active.get())
        self._entries.append(entry)
        _active.set(entry)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        active = _active.get()
        entry = active if active in self._entries else self._entries[-1]
        self._entries.remove(entry)
        entry.has_ended = True
        if entry is active:
            _active.set(_uncovered_by(entry))

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(exc_type, exc, traceback)


def _uncovered_by(entry: _Entry) -> _Entry | None:
    """Return the nearest entry around one that ends, without those that ended meanwhile."""
    while entry.outer is not None and entry.outer.has_ended and not entry.outer_had_ended:
        entry = entry.outer
    return entry.outer


class tenant_context(activate_tenant):  # noqa: N801 - used like a function
    """Run a block in ``tenant``, and restore the previously active tenant afterwards.

    Works as ``with`` and as ``async with``, and nests. Raises `TenantUnavailableError` for a
    tenant that is being prepared, suspended or archived.
    """

    def __init__(self, tenant: Tenant) -> None:
        if not tenant.is_usable:
            message = f"Tenant {tenant.id} is unavailable; see its status."
            raise TenantUnavailableError(message)
        super().__init__(ActiveTenant(tenant.id))
