"""The app's part of the demo."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from apps.isolation import tenant_context
from apps.memberships.models import Membership
from apps.projects import demo
from apps.projects.models import Task
from apps.tenants.models import Tenant


@pytest.fixture(autouse=True)
def filled(acme: Any, globex: Any) -> None:
    for tenant in (acme, globex):
        with tenant_context(tenant):
            demo.fill(tenant.name)


@pytest.fixture
def smoke_test(acme: Any, globex: Any, client_of: Callable[..., Any]) -> Callable[..., Any]:
    """Return the smoke test with a client that needs no server."""

    def asker(tenant: Any, role: str) -> demo.Ask:
        client = client_of(tenant, role)

        def ask(path: str, body: Any = None) -> tuple[int, Any]:
            response = client.post(path, body) if body else client.get(path)
            return response.status_code, response.json()

        return ask

    members = {tenant.slug: asker(tenant, "member") for tenant in (acme, globex)}
    viewer = asker(acme, "viewer")
    return lambda: {line: holds for line, holds, _ in demo.smoke_test(members, viewer)}


def test_five_projects_of_twenty_tasks_each(acme: Any, globex: Any) -> None:
    for tenant in (acme, globex):
        with tenant_context(tenant):
            counts = Counter(Task.objects.values_list("project__name", flat=True))
            assert list(counts.values()) == [20] * 5
            assert all(name.startswith(tenant.name) for name in counts)


def test_existing_data_is_not_filled_again(acme: Any) -> None:
    with tenant_context(acme):
        before = list(Task.objects.order_by("pk").values_list("pk", "title"))
        demo.fill(acme.name)
        assert list(Task.objects.order_by("pk").values_list("pk", "title")) == before


def test_the_smoke_test_passes(smoke_test: Callable[[], dict[str, bool]]) -> None:
    assert smoke_test() == {
        "acme has its 100 tasks": True,
        "acme sees its own tasks and no others": True,
        "globex has its 100 tasks": True,
        "globex sees its own tasks and no others": True,
        "a viewer's write is refused": True,
        "a task in globex's project is refused": True,
    }


def _lose_tasks() -> None:
    with tenant_context(Tenant.objects.get(slug="globex")):
        Task.objects.all().delete()


def _mix_up_tasks() -> None:
    with tenant_context(Tenant.objects.get(slug="globex")):
        Task.objects.filter(position=1).update(title="Acme task 1")


def _promote_viewers() -> None:
    Membership.platform.update(role="member")


@pytest.mark.parametrize(
    ("harm", "complaint"),
    [
        (_lose_tasks, "globex has its 100 tasks"),
        (_mix_up_tasks, "globex sees its own tasks and no others"),
        (_promote_viewers, "a viewer's write is refused"),
    ],
)
def test_smoke_test_finds_errors(
    harm: Callable[[], None], complaint: str, smoke_test: Callable[[], dict[str, bool]]
) -> None:
    harm()
    assert [line for line, holds in smoke_test().items() if not holds] == [complaint]
