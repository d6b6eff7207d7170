"""Work in threads, callbacks and commands runs in the right tenant (CT10)."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

import pytest
from django.core.management import BaseCommand, call_command
from django.db import connections, transaction

from apps.isolation import NoTenantError, TenantUnavailableError, current_tenant, tenant_context
from apps.isolation.context import activate_tenant
from apps.isolation.cross_tenant import cross_tenant
from tests.isolation.conftest import Side
from tests.sample.models import Shelf


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("committed_in", ["ours", "theirs", "nobody"])
@pytest.mark.parametrize("meant_for", ["ours", "theirs", "nobody"])
def test_ct10_on_commit_callback_runs_in_its_tenant(
    meant_for: str, committed_in: str, sides: tuple[Side, Side]
) -> None:
    seen: list[Any] = []

    def note() -> None:
        seen.append(current_tenant())

    with _in(sides, committed_in), transaction.atomic(), _in(sides, meant_for):
        expected = current_tenant()
        transaction.on_commit(note)
        transaction.on_commit(note, robust=True)
    assert seen == [expected, expected]


def _in(sides: tuple[Side, Side], which: str) -> Any:
    ours, theirs = sides
    return {
        "ours": tenant_context(ours.tenant),
        "theirs": tenant_context(theirs.tenant),
        "nobody": activate_tenant(None),
    }[which]


def _names() -> list[str]:
    try:
        return [shelf.name for shelf in Shelf.objects.all()]
    finally:
        if threading.current_thread() is not threading.main_thread():
            connections.close_all()


@pytest.fixture
def worker(sides: tuple[Side, Side]) -> Iterator[ThreadPoolExecutor]:
    """Return an executor with one thread."""
    connections.close_all()  # the jobs may need this thread's connection
    with ThreadPoolExecutor(1) as executor:
        yield executor


@pytest.mark.django_db(transaction=True)
def test_ct10_thread_runs_in_the_given_tenant(
    worker: ThreadPoolExecutor, sides: tuple[Side, Side]
) -> None:
    for side in sides:
        with tenant_context(side.tenant):
            assert worker.submit(copy_context().run, _names).result() == [side.shelf.name]


@pytest.mark.django_db(transaction=True)
def test_ct10_thread_inherits_no_tenant(
    worker: ThreadPoolExecutor, sides: tuple[Side, Side]
) -> None:
    """Neither that of its creator, nor that of an earlier job, even after an error."""

    def fail() -> None:
        with tenant_context(sides[0].tenant):
            _names()
            raise ZeroDivisionError

    worker.submit(lambda: None).result()
    with tenant_context(sides[0].tenant), pytest.raises(NoTenantError):
        worker.submit(_names).result()
    with pytest.raises(ZeroDivisionError):
        worker.submit(fail).result()
    with pytest.raises(ZeroDivisionError):
        worker.submit(copy_context().run, fail).result()
    with pytest.raises(NoTenantError):
        worker.submit(_names).result()


class _Report(BaseCommand):
    """A command that prints the names of shelves."""

    stealth_options = ("fail",)

    def handle(self, *args: Any, fail: bool = False, **options: Any) -> str:
        if fail:
            raise ZeroDivisionError
        return ",".join(_names())


def test_ct10_command_runs_in_the_active_tenant(sides: tuple[Side, Side]) -> None:
    for side in sides:
        with tenant_context(side.tenant):
            assert call_command(_Report()) == side.shelf.name
            with pytest.raises(ZeroDivisionError):
                call_command(_Report(), fail=True)
        with pytest.raises(NoTenantError):
            call_command(_Report())


def test_ct10_job_for_all_tenants_skips_suspended_tenants(sides: tuple[Side, Side]) -> None:
    ours, theirs = sides
    theirs.tenant.status = "suspended"
    theirs.tenant.save()
    with pytest.raises(TenantUnavailableError):
        tenant_context(theirs.tenant)
    done = {}
    with cross_tenant(reason="a report") as tenants:
        tenant: Any
        for tenant in tenants:
            if tenant.is_usable:
                done[tenant.slug] = _names()
    assert done == {"acme": [ours.shelf.name]}
    assert current_tenant() is None
