"""Plain Django inside a tenant, in every form that reaches the database."""

import asyncio
import threading
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, connection, connections, transaction

from apps.isolation import (
    NoTenantError,
    SharedJoinError,
    TenantUnavailableError,
    current_tenant,
    require_tenant,
    tenant_context,
)
from apps.projects.models import Project, Task
from tests.isolation.conftest import Side, run


def _names() -> list[str]:
    return list(Project.objects.order_by("name").values_list("name", flat=True))


def test_the_context_nests_and_is_always_restored(acme: Any, globex: Any) -> None:
    assert current_tenant() is None
    with tenant_context(acme):
        with pytest.raises(ZeroDivisionError), tenant_context(globex):
            assert require_tenant().id == globex.id
            raise ZeroDivisionError
        assert require_tenant().id == acme.id
    with pytest.raises(NoTenantError):
        require_tenant()


@pytest.mark.parametrize("status", ["preparing", "suspended", "archived"])
def test_a_tenant_that_is_not_usable_is_not_entered(status: str, acme: Any) -> None:
    acme.status = status
    with pytest.raises(TenantUnavailableError), tenant_context(acme):
        pytest.fail("entered")


@pytest.mark.django_db(transaction=True)
def test_a_rollback_takes_all_rows_back(acme: Any, globex: Any) -> None:
    with tenant_context(acme):
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            Project.objects.create(name="one")
            Project.objects.create(name="two")
            raise ZeroDivisionError
        assert _names() == []


@pytest.mark.django_db(transaction=True)
def test_savepoints(acme: Any, globex: Any) -> None:
    with tenant_context(acme), transaction.atomic():
        Project.objects.create(name="kept")
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            Project.objects.create(name="lost")
            raise ZeroDivisionError
        with tenant_context(globex):
            assert _names() == []
        assert _names() == ["kept"]
    with tenant_context(acme):
        assert _names() == ["kept"]


@pytest.mark.django_db(transaction=True)
def test_a_savepoint_survives_a_failed_statement(acme: Any, globex: Any) -> None:
    with tenant_context(acme), transaction.atomic():
        Project.objects.create(name="one")
        with pytest.raises(IntegrityError), transaction.atomic():
            Project.objects.create(name="one")
        assert _names() == ["one"]
        Project.objects.create(name="two")
    with tenant_context(acme):
        assert _names() == ["one", "two"]
    with tenant_context(globex):
        assert _names() == []


@pytest.mark.django_db(transaction=True)
def test_on_commit_runs_after_commit_in_the_tenant(acme: Any) -> None:
    seen: list[Any] = []
    with tenant_context(acme):
        with transaction.atomic():
            Project.objects.create(name="one")
            transaction.on_commit(lambda: seen.append((require_tenant().id, _names())))
            assert seen == []
        assert seen == [(acme.id, ["one"])]
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            transaction.on_commit(lambda: seen.append("rolled back"))
            raise ZeroDivisionError
        with pytest.raises(IndexError), transaction.atomic():
            transaction.on_commit(lambda: seen[1])
    assert len(seen) == 1


@pytest.mark.two_connections
@pytest.mark.django_db(transaction=True)
def test_select_for_update_locks_the_row(acme: Any) -> None:
    with tenant_context(acme):
        project = Project.objects.create(name="one")
        free: list[bool] = []

        def try_to_lock() -> None:
            with tenant_context(acme), transaction.atomic():
                rows = Project.objects.select_for_update(skip_locked=True)
                free.append(rows.filter(pk=project.pk).exists())
            connections.close_all()

        with transaction.atomic():
            assert Project.objects.select_for_update().get(pk=project.pk) == project
            _in_a_thread(try_to_lock)
        _in_a_thread(try_to_lock)
        assert free == [False, True]
    with pytest.raises(NoTenantError), transaction.atomic():
        list(Project.objects.select_for_update())


def _in_a_thread(work: Any) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("in_transaction", [False, True])
def test_iterator(acme: Any, globex: Any, in_transaction: bool) -> None:
    for tenant in (acme, globex):
        with tenant_context(tenant):
            Project.objects.bulk_create(
                Project(name=f"{tenant.slug} {number}") for number in range(5)
            )
    with tenant_context(acme):
        if in_transaction:
            with transaction.atomic():
                names = [project.name for project in Project.objects.iterator(chunk_size=2)]
        else:
            names = [project.name for project in Project.objects.iterator(chunk_size=2)]
    assert sorted(names) == [f"acme {number}" for number in range(5)]
    with pytest.raises(NoTenantError):
        next(iter(Project.objects.iterator()))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("in_transaction", [False, True])
def test_executemany(acme: Any, globex: Any, in_transaction: bool) -> None:
    for tenant in (acme, globex):
        with tenant_context(tenant):
            Project.objects.bulk_create([Project(name="one"), Project(name="two")])
    sql, rows = (
        "UPDATE projects_project SET name = %s WHERE name = %s",
        [("1", "one"), ("2", "two")],
    )
    with tenant_context(acme):
        if in_transaction:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.executemany(sql, rows)
        else:
            with connection.cursor() as cursor:
                cursor.executemany(sql, rows)
        assert _names() == ["1", "2"]
    with tenant_context(globex):
        assert _names() == ["one", "two"]


@pytest.mark.django_db(transaction=True)
def test_copy(acme: Any, globex: Any) -> None:
    with tenant_context(acme):
        Project.objects.create(name="one")
        with (
            connection.cursor() as cursor,
            cursor.copy("COPY (SELECT name FROM projects_project) TO STDOUT") as copy,
        ):
            assert [bytes(row) for row in copy] == [b"one\n"]
    with (
        tenant_context(globex),
        connection.cursor() as cursor,
        cursor.copy("COPY (SELECT name FROM projects_project) TO STDOUT") as copy,
    ):
        assert list(copy) == []


@pytest.mark.django_db(transaction=True)
def test_after_a_failed_statement_the_next_one_is_right(acme: Any, globex: Any) -> None:
    with tenant_context(acme):
        Project.objects.create(name="one")
        with pytest.raises(IntegrityError):
            Project.objects.create(name="one")
        assert _names() == ["one"]
    with tenant_context(globex):
        assert _names() == []


@pytest.mark.two_connections
@pytest.mark.django_db(transaction=True)
def test_async_code(acme: Any, globex: Any) -> None:
    async def work(tenant: Any) -> list[str]:
        async with tenant_context(tenant):
            await Project.objects.acreate(name=f"{tenant.slug} async")
            await asyncio.sleep(0)
            return [project.name async for project in Project.objects.all()]

    async def both() -> tuple[list[str], list[str]]:
        ours, theirs = await asyncio.gather(work(acme), work(globex))
        return ours, theirs

    assert run(both()) == (["acme async"], ["globex async"])
    with pytest.raises(NoTenantError):
        run(Project.objects.acount())


def test_relations_stay_inside(sides: tuple[Side, Side]) -> None:
    ours, _ = sides
    with tenant_context(ours.tenant):
        task = Task.objects.select_related("project").get()
        assert task.project == ours.project
        assert list(ours.project.tasks.all()) == [task]
        assert Project.objects.prefetch_related("tasks").get().tasks.count() == 1
        assert Task.objects.filter(project__name=ours.project.name).exists()


def test_the_shared_data_is_referred_to_but_not_joined(sides: tuple[Side, Side]) -> None:
    ours, _ = sides
    user = get_user_model()._default_manager.get(email="member@acme.test")
    with tenant_context(ours.tenant):
        Task.objects.update(assignee=user)
        assert Task.objects.filter(assignee=user).get().assignee == user
        assert Task.objects.prefetch_related("assignee").get().assignee == user
        assert not Task.objects.filter(assignee__isnull=True).exists()
        for queryset in (
            Task.objects.filter(assignee__email="x"),
            Task.objects.select_related("assignee"),
            Task.objects.order_by("assignee__email"),
            Task.objects.values("assignee__email"),
        ):
            with pytest.raises(SharedJoinError, match=r"Task\.assignee refers to shared data"):
                list(queryset)
