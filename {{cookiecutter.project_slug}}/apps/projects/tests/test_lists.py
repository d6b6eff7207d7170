"""Lists: pages, filters and order."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import date
from typing import Any
from urllib.parse import quote, urlencode
from uuid import uuid4

import pytest

from apps.isolation import tenant_context
from apps.isolation.testing import make_member
from apps.projects.models import Project, Task

PROJECTS, TASKS = "/api/v1/projects/", "/api/v1/tasks/"


@pytest.fixture
def member(acme: Any, client_of: Callable[..., Any]) -> Any:
    return client_of(acme, "member")


def _make_projects(tenant: Any, *names: str, **fields: Any) -> list[Project]:
    with tenant_context(tenant):
        return [Project.objects.create(name=name, **fields) for name in names]


def _names(member: Any, **query: Any) -> list[str]:
    response = member.get(f"{PROJECTS}?{urlencode(query)}")
    assert response.status_code == 200
    return [row["name"] for row in response.json()["results"]]


def _titles(member: Any, **query: Any) -> list[str]:
    response = member.get(f"{TASKS}?{urlencode(query)}")
    assert response.status_code == 200
    return sorted(row["title"] for row in response.json()["results"])


def test_pages_are_ordered_newest_first(member: Any, acme: Any) -> None:
    _make_projects(acme, *(f"{number:03}" for number in range(7)))
    pages, link = [], f"{PROJECTS}?page_size=3"
    while link:
        body = member.get(link).json()
        pages.append([row["name"] for row in body["results"]])
        last, link = link, body["next"]
    assert pages == [["006", "005", "004"], ["003", "002", "001"], ["000"]]
    back = member.get(member.get(last).json()["previous"]).json()
    assert [row["name"] for row in back["results"]] == pages[1]


def test_new_row_does_not_shift_pages(member: Any, acme: Any) -> None:
    _make_projects(acme, "1", "2", "3", "4")
    link = member.get(f"{PROJECTS}?page_size=2").json()["next"]
    _make_projects(acme, "5")
    assert [row["name"] for row in member.get(link).json()["results"]] == ["2", "1"]


@pytest.mark.parametrize(
    ("query", "length"),
    [
        ("", 50),
        ("?page_size=1", 1),
        ("?page_size=200", 200),
        ("?page_size=201", 200),
        ("?page_size=100000000000000000000", 200),
        ("?page_size=0", 50),
        ("?page_size=-1", 50),
        ("?page_size=x", 50),
        ("?page_size=", 50),
    ],
)
def test_page_size(query: str, length: int, member: Any, acme: Any) -> None:
    with tenant_context(acme):
        Project.objects.bulk_create(Project(name=str(number)) for number in range(201))
    assert len(member.get(f"{PROJECTS}{query}").json()["results"]) == length


@pytest.mark.parametrize("ordering", ["", "name", "-created_at", "status,name"])
@pytest.mark.parametrize("position", ["x", "%00", "2026-13-01", "0001-01-01T00:00:00+23:59"])
def test_forged_cursor_is_invalid(position: str, ordering: str, member: Any, acme: Any) -> None:
    _make_projects(acme, "one", "two")
    cursor = quote(urlsafe_b64encode(json.dumps([False, [position]]).encode()))
    for given in (cursor, "x", "%00", "é", position):
        response = member.get(f"{PROJECTS}?ordering={ordering}&cursor={given}")
        assert response.status_code == 404
        assert response.json() == {"detail": "Invalid cursor", "code": "not_found"}


def test_cursor_of_another_tenant_reveals_nothing(
    member: Any, acme: Any, globex: Any, client_of: Callable[..., Any]
) -> None:
    _make_projects(globex, "1", "2", "3")
    link = client_of(globex, "member").get(f"{PROJECTS}?page_size=1").json()["next"]
    assert member.get(link.replace("globex", "acme")).json()["results"] == []


def test_filter_of_projects_by_status(member: Any, acme: Any) -> None:
    _make_projects(acme, "old", status="archived")
    _make_projects(acme, "new")
    assert _names(member, status="archived") == ["old"]
    assert _names(member, status="") == ["new", "old"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("moon", ["To the Moon"]),
        ("RED", ["Mars"]),
        ("moon mars", []),
        ("%", []),
        ("_", []),
        ("", ["Mars", "To the Moon"]),
    ],
)
def test_search_of_projects(words: str, found: list[str], member: Any, acme: Any) -> None:
    _make_projects(acme, "To the Moon")
    _make_projects(acme, "Mars", description="the red planet")
    assert _names(member, search=words) == found


@pytest.mark.parametrize(
    ("ordering", "names"),
    [
        ("name", ["a", "b", "c"]),
        ("-name", ["c", "b", "a"]),
        ("created_at", ["b", "a", "c"]),
        ("-created_at", ["c", "a", "b"]),
        ("updated_at", ["b", "a", "c"]),
        ("status,name", ["a", "c", "b"]),
        ("status,-name", ["c", "a", "b"]),
    ],
)
def test_order_of_projects(ordering: str, names: list[str], member: Any, acme: Any) -> None:
    _make_projects(acme, "b", status="archived")
    _make_projects(acme, "a", "c")
    assert _names(member, ordering=ordering) == names


@pytest.mark.parametrize(
    "ordering",
    [
        "description",
        "created_by",
        "created_by__password",
        "-created_by__email",
        "tasks__title",
        "tenant",
        "tenant__slug",
        "nothing",
        "?",
        "name__x",
        "name;",
        "",
    ],
)
def test_unsupported_order_is_ignored(ordering: str, member: Any, acme: Any) -> None:
    _make_projects(acme, "b", "a", "c")
    assert _names(member, ordering=ordering) == ["c", "a", "b"]


def test_pages_keep_the_order_and_the_filter(member: Any, acme: Any) -> None:
    _make_projects(acme, "c", "a", "d", "b")
    _make_projects(acme, "aa", status="archived")
    body = member.get(f"{PROJECTS}?ordering=name&status=active&page_size=3").json()
    assert [row["name"] for row in body["results"]] == ["a", "b", "c"]
    assert [row["name"] for row in member.get(body["next"]).json()["results"]] == ["d"]


@pytest.fixture
def tasks(acme: Any) -> dict[str, Any]:
    moon, mars = _make_projects(acme, "Moon", "Mars")
    user = make_member(acme, "viewer").user
    with tenant_context(acme):
        Task.objects.create(project=moon, title="fly", status="done", due_on=date(2026, 1, 1))
        Task.objects.create(project=moon, title="land", assignee=user, due_on=date(2026, 1, 2))
        Task.objects.create(project=mars, title="dream")
    return {"moon": str(moon.pk), "viewer": str(user.pk), "nobody": str(uuid4())}


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ({}, ["dream", "fly", "land"]),
        ({"project": "moon"}, ["fly", "land"]),
        ({"project": "nobody"}, []),
        ({"status": "done"}, ["fly"]),
        ({"status": "doing"}, []),
        ({"assignee": "viewer"}, ["land"]),
        ({"assignee": "nobody"}, []),
        ({"due_before": "2026-01-01"}, []),
        ({"due_before": "2026-01-02"}, ["fly"]),
        ({"due_before": "2027-01-01", "project": "moon", "status": "open"}, ["land"]),
        ({"search": "LAND"}, ["land"]),
        ({"search": "a d"}, ["dream", "land"]),
        ({"search": "moon"}, []),
        ({"search": "%"}, []),
        ({"search": "l", "project": "moon", "status": "done"}, ["fly"]),
        ({"serach": "land", "ordering": "title", "title": "fly"}, ["dream", "fly", "land"]),
        ({"project__name": "Moon", "created_by": "nobody"}, ["dream", "fly", "land"]),
    ],
)
def test_filters_of_tasks(
    query: dict[str, str], titles: list[str], member: Any, tasks: dict[str, str]
) -> None:
    assert (
        _titles(member, **{key: tasks.get(value, value) for key, value in query.items()}) == titles
    )


@pytest.mark.parametrize(
    ("path", "query"),
    [
        (PROJECTS, "status=lost"),
        (PROJECTS, "search=%00"),
        (TASKS, "status=lost"),
        (TASKS, "search=%00"),
        (TASKS, "project=x"),
        (TASKS, "project=%00"),
        (TASKS, "assignee=x"),
        (TASKS, "due_before=x"),
        (TASKS, "due_before=2026-02-30"),
    ],
)
def test_invalid_filter_value_is_a_bad_request(path: str, query: str, member: Any) -> None:
    response = member.get(f"{path}?{query}")
    assert response.status_code == 400
    assert list(response.json()) == [query.partition("=")[0]]
