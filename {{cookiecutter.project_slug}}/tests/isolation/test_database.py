"""The wall, asked directly: which role the tests use, and what the database itself refuses."""

from typing import Any

import pytest
from django.db import DatabaseError, connection, connections, transaction

from apps.isolation import CATALOGUE, NoActiveTenant, tenant_context
from apps.isolation.testing import break_wall, wall_guards, wall_probe
from apps.projects.models import Project, Task
from tests.isolation.conftest import Side

GUARDS = list(wall_guards())
MANAGERS = [(model, name) for model in (Project, Task) for name in ("objects", "_base_manager")]


@pytest.mark.django_db
def test_the_tests_use_the_run_time_role() -> None:
    """Everything else here would prove nothing on the connection of an owner or a superuser."""
    with connections[CATALOGUE].cursor() as cursor:
        cursor.execute("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == (False,)
        cursor.execute("SELECT count(*) FROM pg_class WHERE pg_has_role(relowner, 'USAGE')")
        assert cursor.fetchone() == (0,)


def test_the_database_knows_the_tenant(sides: tuple[Side, Side]) -> None:
    assert wall_probe().tenant is None
    for side in sides:
        with tenant_context(side.tenant):
            assert wall_probe().tenant == side.tenant.id
    assert wall_probe().tenant is None


@pytest.mark.parametrize("name", GUARDS)
def test_a_guard_finds_nothing(name: str, sides: tuple[Side, Side]) -> None:
    assert wall_guards()[name]() == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", GUARDS)
def test_a_guard_finds_its_hole(name: str, acme: Any) -> None:
    with break_wall(name):
        assert wall_guards()[name]() != []
    assert wall_guards()[name]() == []


@pytest.mark.parametrize(("model", "manager"), MANAGERS)
def test_without_a_tenant_no_manager_answers(model: Any, manager: str, sides: Any) -> None:
    queryset = getattr(model, manager).all()
    for question in (
        list,
        len,
        bool,
        lambda q: q.count(),
        lambda q: q.exists(),
        lambda q: q.first(),
    ):
        with pytest.raises(NoActiveTenant):
            question(queryset.all())
    with pytest.raises(NoActiveTenant):
        queryset.update(id=None)
    with pytest.raises(NoActiveTenant):
        queryset.delete()


def test_without_a_tenant_nothing_is_saved(sides: tuple[Side, Side]) -> None:
    with pytest.raises(NoActiveTenant):
        Project(name="nobody's").save()
    with pytest.raises(NoActiveTenant):
        Project.objects.bulk_create([Project(name="nobody's")])
    with pytest.raises(NoActiveTenant):
        sides[0].project.save()


def test_without_a_tenant_raw_sql_gets_no_rows(sides: tuple[Side, Side]) -> None:
    """It errs where the table is not in sight, and finds it empty where it is."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT * FROM projects_project")
            rows = cursor.fetchall()
    except DatabaseError as error:
        assert "does not exist" in str(error)  # noqa: PT017 - one of two good outcomes
    else:
        assert rows == []


def test_raw_sql_sees_the_tenants_rows_only(sides: tuple[Side, Side]) -> None:
    for side in sides:
        with tenant_context(side.tenant), connection.cursor() as cursor:
            cursor.execute("SELECT name FROM projects_project")
            assert cursor.fetchall() == [(side.project.name,)]


def test_another_tenants_row_is_not_there(sides: tuple[Side, Side]) -> None:
    ours, theirs = sides
    with tenant_context(ours.tenant):
        assert list(Project.objects.all()) == [ours.project]
        assert not Project.objects.filter(pk=theirs.project.pk).exists()
        assert Project.objects.filter(pk=theirs.project.pk).update(name="ours now") == 0
        assert Project.objects.filter(pk=theirs.project.pk).delete() == (0, {})
        with pytest.raises(Project.DoesNotExist):
            Project._base_manager.get(pk=theirs.project.pk)
    with tenant_context(theirs.tenant):
        assert Project.objects.get().name == theirs.project.name


def test_a_row_cannot_point_into_another_tenant(sides: tuple[Side, Side]) -> None:
    """Raw SQL too: what no code checks, the database still refuses."""
    ours, theirs = sides
    with tenant_context(ours.tenant):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("UPDATE projects_task SET project_id = %s", [str(ours.project.pk)])
        with (
            pytest.raises(DatabaseError, match="violates foreign key constraint"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute("UPDATE projects_task SET project_id = %s", [str(theirs.project.pk)])
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
