"""The tenant of an execution context."""

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
    """All that the context needs to know of a tenant."""

    id: UUID = field(default_factory=new_id)
    is_usable: bool = True


def test_without_a_tenant() -> None:
    assert current_tenant() is None
    with pytest.raises(NoTenantError, match="enter one with tenant_context"):
        require_tenant()


def test_it_holds_the_tenants_id_and_nothing_else() -> None:
    customer = Customer()
    with tenant_context(customer):
        assert current_tenant() == require_tenant() == ActiveTenant(customer.id)


def test_one_context_can_be_entered_many_times() -> None:
    outer, inner = Customer(), Customer()
    context = tenant_context(inner)
    with tenant_context(outer), context, context:
        assert require_tenant().id == inner.id
    with context:
        assert require_tenant().id == inner.id
    assert current_tenant() is None


def test_it_is_asked_when_it_is_made_whether_the_tenant_is_usable() -> None:
    customer = Customer(is_usable=False)
    with pytest.raises(TenantUnavailableError, match=str(customer.id)):
        tenant_context(customer)


def test_all_tenants_can_be_left() -> None:
    with tenant_context(Customer()), activate_tenant(None), pytest.raises(NoTenantError):
        require_tenant()


def test_a_new_thread_starts_without_a_tenant() -> None:
    seen: list[object] = []
    with tenant_context(Customer()):
        thread = threading.Thread(target=lambda: seen.append(current_tenant()))
        thread.start()
        thread.join()
    assert seen == [None]


def test_asynchronous_tasks_do_not_see_each_others_tenant() -> None:
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


def test_it_is_restored_after_an_exception_in_asynchronous_code() -> None:
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


def test_the_package_offers_its_public_names() -> None:
    for name in apps.isolation.__all__:
        assert getattr(apps.isolation, name) is not None
