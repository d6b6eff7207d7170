"""Which tenant this piece of work is for.

One ``ContextVar`` holds the answer. It follows threads started by asgiref, asyncio tasks and
``sync_to_async``; the database connections derive everything they do from it and remember nothing.
"""

from contextvars import ContextVar
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self
from uuid import UUID

from apps.isolation.errors import NoActiveTenant, TenantNotUsable


@dataclass(frozen=True, slots=True)
class ActiveTenant:
    """The tenant of an execution context: its id, from which every physical name is derived."""

    id: UUID


class Identified(Protocol):
    """Anything with the id of a tenant: its row, or an `ActiveTenant`."""

    @property
    def id(self) -> UUID:
        """The tenant's id."""


class Tenant(Identified, Protocol):
    """What the wall needs to know of a tenant's row."""

    @property
    def is_usable(self) -> bool:
        """Whether work may be done for this tenant now."""


_active: ContextVar[ActiveTenant | None] = ContextVar("active_tenant", default=None)


def current_tenant() -> ActiveTenant | None:
    """Return the tenant of this execution context, or None."""
    return _active.get()


def require_tenant() -> ActiveTenant:
    """Return the tenant of this execution context; raise `NoActiveTenant` if there is none."""
    tenant = _active.get()
    if tenant is None:
        raise NoActiveTenant
    return tenant


class activate:  # noqa: N801 - used like a function, in a with statement
    """Enter a tenant (or, with None, leave all) without asking whether it is usable.

    For the code that decides who may enter: the request middleware, provisioning, test support.
    Everybody else uses `tenant_context`.

    The previous value is put back by value and not by token: a generator may be closed in another
    execution context than the one that started it, where a token would not be accepted.
    """

    def __init__(self, tenant: ActiveTenant | None) -> None:
        self._tenant = tenant
        self._previous: list[ActiveTenant | None] = []

    def __enter__(self) -> Self:
        self._previous.append(_active.get())
        _active.set(self._tenant)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _active.set(self._previous.pop())

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(exc_type, exc, traceback)


class tenant_context(activate):  # noqa: N801 - used like a function, in a with statement
    """Do a block of work for ``tenant``; the tenant that was active before is always put back.

    Works as ``with`` and as ``async with``, and nests. Raises `TenantNotUsable` for a tenant that
    is being prepared, suspended or archived.
    """

    def __init__(self, tenant: Tenant) -> None:
        if not tenant.is_usable:
            message = f"Tenant {tenant.id} is not usable now; see its status."
            raise TenantNotUsable(message)
        super().__init__(ActiveTenant(tenant.id))
