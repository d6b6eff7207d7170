"""The active tenant of an execution context."""

import asyncio
import threading
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async

import apps.isolation
from apps.isolation import (
    ActiveTenant,
    NoTenantError,
    TenantUnavailableError,
    current_tenant,
    require_tenant,
    tenant_context,
)
from apps.isolation.context import activate_tenant
from apps.isolation.fields import new_id


@dataclass
class Customer:
    """The attributes of a tenant that the context needs."""

    id: UUID = field(default_factory=new_id)
    is_usable: bool = True


def test_without_a_tenant() -> None:
    assert current_tenant() is None
    with pytest.raises(NoTenantError, match="enter one with tenant_context"):
        require_tenant()


def test_context_holds_only_the_tenants_id() -> None:
    customer = Customer()
    with tenant_context(customer):
        assert current_tenant() == require_tenant() == ActiveTenant(customer.id)


def test_context_manager_is_reusable() -> None:
    outer, inner = Customer(), Customer()
    context = tenant_context(inner)
    with tenant_context(outer), context, context:
        assert require_tenant().id == inner.id
    with context:
        assert require_tenant().id == inner.id
    assert current_tenant() is None


def test_context_manager_refuses_an_unusable_tenant() -> None:
    customer = Customer(is_usable=False)
    with pytest.raises(TenantUnavailableError, match=str(customer.id)):
        tenant_context(customer)


def test_activate_none_leaves_the_tenant() -> None:
    with tenant_context(Customer()), activate_tenant(None), pytest.raises(NoTenantError):
        require_tenant()


def test_new_thread_starts_without_a_tenant() -> None:
    seen: list[object] = []
    with tenant_context(Customer()):
        thread = threading.Thread(target=lambda: seen.append(current_tenant()))
        thread.start()
        thread.join()
    assert seen == [None]


def test_async_tasks_do_not_share_a_tenant() -> None:
    async def work(customer: Customer) -> bool:
        async with tenant_context(customer):
            for _ in range(3):
                await asyncio.sleep(0)
                in_thread = await sync_to_async(require_tenant)()
                assert in_thread == require_tenant() == ActiveTenant(customer.id)
        return current_tenant() is None

    async def main() -> list[bool]:
        return await asyncio.gather(*(work(Customer()) for _ in range(5)))

    assert asyncio.run(main()) == [True] * 5


def test_tenant_is_restored_after_an_exception_in_async_code() -> None:
    async def main() -> None:
        async with tenant_context(Customer()):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(main())
    assert current_tenant() is None


def test_ids_are_ordered_by_time() -> None:
    ids = [new_id() for _ in range(1000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == 1000
    assert {each.version for each in ids} == {7}


def test_public_names_of_the_package() -> None:
    for name in apps.isolation.__all__:
        assert getattr(apps.isolation, name) is not None
