"""The app's part of the demo: sample data, and requests to try."""

from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any

from apps.projects.models import Project, Task, TaskStatus

TRY = ["/api/v1/tasks/"]
PROJECTS, TASKS = 5, 20

type Ask = Callable[..., tuple[int, Any]]


def fill(name: str) -> None:
    """Create the active tenant's sample data, with its name, unless the tenant has data."""
    if Project.objects.exists():
        return
    statuses = list(TaskStatus)
    projects = Project.objects.bulk_create(
        Project(name=f"{name} project {number}") for number in range(1, PROJECTS + 1)
    )
    Task.objects.bulk_create(
        Task(
            project=project,
            title=f"{name} task {number}",
            status=statuses[number % len(statuses)],
            position=number,
        )
        for project in projects
        for number in range(1, TASKS + 1)
    )


def smoke_test(members: dict[str, Ask], viewer: Ask) -> Iterator[tuple[str, bool, object]]:
    """Send requests to a running demo as members of both tenants and as a viewer of acme.

    Yield each expectation, whether it is met, and the answer.
    """
    projects = {}
    for slug, ask in members.items():
        answer = ask("/api/v1/tasks/?page_size=200")
        titles = [task["title"] for task in answer[1].get("results", ())]
        yield f"{slug} has its 100 tasks", len(titles) == PROJECTS * TASKS, answer
        are_its_own = all(title.startswith(slug.title()) for title in titles)
        yield f"{slug} sees its own tasks and no others", are_its_own, answer
        projects[slug] = ask("/api/v1/projects/")[1]["results"][0]["id"]
    task = {"title": "x", "project": projects["globex"]}
    answer = viewer("/api/v1/tasks/", task)
    yield "a viewer's write is refused", answer[0] == HTTPStatus.FORBIDDEN, answer
    answer = members["acme"]("/api/v1/tasks/", task)
    is_unknown = answer[0] == HTTPStatus.BAD_REQUEST and "does not exist" in str(answer[1])
    yield "a task in globex's project is refused", is_unknown, answer
