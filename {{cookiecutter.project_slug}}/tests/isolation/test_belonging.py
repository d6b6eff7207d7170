"""What was made or read in one tenant is used in no other."""

import pickle
from collections.abc import Callable
from typing import Any

import pytest

from apps.isolation import NoActiveTenant, WallViolation, tenant_context
from apps.projects.models import Project, Task
from tests.isolation.conftest import Side

USES: dict[str, Callable[[Project], object]] = {
    "save": lambda project: project.save(),
    "insert among others": lambda project: Project.objects.bulk_create([project]),
    "update among others": lambda project: Project.objects.bulk_update([project], ["name"]),
    "save one field": lambda project: project.save(update_fields=["name"]),
    "delete": lambda project: project.delete(),
    "refresh": lambda project: project.refresh_from_db(),
    "related rows": lambda project: list(project.tasks.all()),
    "relate": lambda project: Task(title="x", project=project).save(),
    "relate by a new row": lambda project: project.tasks.create(title="x"),
}


@pytest.mark.parametrize("use", USES)
def test_an_object_is_used_in_its_own_tenant_only(use: str, sides: tuple[Side, Side]) -> None:
    ours, theirs = sides
    with tenant_context(theirs.tenant):
        before = list(Project.objects.values()), list(Task.objects.values())
        with pytest.raises((WallViolation, ValueError), match=r"another tenant|prevents this rel"):
            USES[use](ours.project)
        assert (list(Project.objects.values()), list(Task.objects.values())) == before
    with pytest.raises((NoActiveTenant, WallViolation)):
        USES[use](ours.project)
    if use != "insert among others":  # it is there already
        with tenant_context(ours.tenant):
            USES[use](ours.project)


def _made(ours: Side) -> Project:
    return Project.objects.bulk_create([Project(name="new")])[0]


def _read(ours: Side) -> Project:
    return Task.objects.select_related("project").get().project


def _copied(ours: Side) -> Project:
    copy: Project = pickle.loads(pickle.dumps(Project.objects.get()))  # noqa: S301 - our own
    return copy


@pytest.mark.parametrize("get", [_made, _read, _copied])
def test_however_the_object_came_about(
    get: Callable[[Side], Project], sides: tuple[Side, Side]
) -> None:
    ours, theirs = sides
    with tenant_context(ours.tenant):
        project = get(ours)
    with tenant_context(theirs.tenant), pytest.raises(WallViolation):
        project.save()


def test_an_object_made_in_no_tenant_belongs_to_the_first_that_it_is_saved_in(
    acme: Any, globex: Any
) -> None:
    project = Project(name="new")
    with tenant_context(acme):
        project.save()
    with tenant_context(globex), pytest.raises(WallViolation):
        project.save()


def test_objects_of_two_tenants_are_not_related(sides: tuple[Side, Side]) -> None:
    ours, theirs = sides
    with tenant_context(ours.tenant), pytest.raises(ValueError, match="prevents this relation"):
        ours.task.project = theirs.project


def test_a_queryset_is_evaluated_in_its_own_tenant_only(sides: tuple[Side, Side]) -> None:
    ours, theirs = sides
    with tenant_context(ours.tenant):
        querysets = [Project.objects.all(), Project.objects.filter(name="x").order_by("id")]
    for queryset in querysets:
        with tenant_context(theirs.tenant), pytest.raises(WallViolation):
            list(queryset.all())
        with pytest.raises(NoActiveTenant):
            list(queryset.all())


def test_an_iterator_is_read_to_the_end_in_its_own_tenant(sides: tuple[Side, Side]) -> None:
    ours, theirs = sides
    with tenant_context(ours.tenant):
        Project.objects.create(name="second")
        iterator = iter(Project.objects.iterator(chunk_size=1))
        next(iterator)
    with tenant_context(theirs.tenant), pytest.raises(WallViolation):
        next(iterator)


def test_a_queryset_of_no_tenant_is_evaluated_in_each(sides: tuple[Side, Side]) -> None:
    queryset = Project.objects.order_by("name")
    for side in sides:
        with tenant_context(side.tenant):
            assert list(queryset.all()) == [side.project]
