"""The active tenant.

One ``ContextVar`` holds it. It follows threads started by asgiref, asyncio tasks and
``sync_to_async``; database connections derive everything they do from it and remember nothing.
"""

from contextvars import ContextVar
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self
from uuid import UUID

from apps.isolation.exceptions import NoTenantError, TenantUnavailableError, WrongTenantError


@dataclass(frozen=True, slots=True)
class ActiveTenant:
    """The tenant of an execution context: its id, from which every physical name is derived."""

    id: UUID

    def __post_init__(self) -> None:
        """Raise TypeError for an id that is no UUID: physical names and SQL are made of it."""
        if not isinstance(self.id, UUID):
            message = f"A tenant's id is a UUID, not {self.id!r}."
            raise TypeError(message)


class Identified(Protocol):
    """Anything with a tenant's id: its row, or an `ActiveTenant`."""

    @property
    def id(self) -> UUID:
        """The tenant's id."""


class Tenant(Identified, Protocol):
    """The part of a tenant's row that decides whether it may be entered."""

    @property
    def is_usable(self) -> bool:
        """True if work may be done for this tenant now."""


@dataclass(slots=True, eq=False)
class _Entry:
    """One entering of a tenant (or of none), and the entering around it."""

    tenant: ActiveTenant | None
    outer: "_Entry | None"
    has_ended: bool = False
    outer_had_ended: bool = field(init=False)
    """True in a task that has outlived the block around it, and keeps its tenant."""

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
    """Return whether ``tenant`` is another than the active one; raise `NoTenantError` if none is.

    None is what belongs to nobody, and so is nobody else's.
    """
    return tenant is not None and tenant != require_tenant()


def require_active(tenant: ActiveTenant | None, what: str) -> None:
    """Raise `WrongTenantError` if ``what`` belongs to a tenant other than the active one."""
    if is_foreign(tenant):
        message = f"{what} belongs to another tenant than the active one."
        raise WrongTenantError(message)


class activate_tenant:  # noqa: N801 - used like a function, in a with statement
    """Enter a tenant (or, with None, leave all) without checking that it is usable.

    For code that decides who may enter: the request middleware, provisioning, test support.
    All other code uses `tenant_context`.

    Generators may end in another order than they began, and in whatever execution context they are
    collected. So an end takes away its own entry only, and uncovers none that has ended before.
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
    """Return the entry around one that ends, unless that has ended in the meantime."""
    while entry.outer is not None and entry.outer.has_ended and not entry.outer_had_ended:
        entry = entry.outer
    return entry.outer


class tenant_context(activate_tenant):  # noqa: N801 - used like a function
    """Run a block in ``tenant``; the tenant that was active before is always restored.

    Works as ``with`` and as ``async with``, and nests. Raises `TenantUnavailableError` for a
    tenant that is being prepared, suspended or archived.
    """

    def __init__(self, tenant: Tenant) -> None:
        if not tenant.is_usable:
            message = f"Tenant {tenant.id} is unavailable; see its status."
            raise TenantUnavailableError(message)
        super().__init__(ActiveTenant(tenant.id))
