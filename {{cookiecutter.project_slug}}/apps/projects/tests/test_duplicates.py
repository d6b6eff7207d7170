"""Names are unique in a tenant, and the database reports duplicates."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from apps.isolation import tenant_context
from apps.projects.models import Project
from tests.support import at_once, statements

pytestmark = pytest.mark.django_db(transaction=True)

PROJECTS = "/api/v1/projects/"
DUPLICATE = {"name": ["Project with this name already exists."]}


@pytest.fixture
def member(acme: Any, client_of: Callable[..., Any]) -> Any:
    client = client_of(acme, "member")
    assert client.post(PROJECTS, {"name": "Moon"}).status_code == 201
    return client


def _assert_duplicate(response: Any) -> None:
    assert (response.status_code, response.json()) == (400, DUPLICATE)
    assert response.data["name"][0].code == "unique"


def test_on_creation(member: Any) -> None:
    _assert_duplicate(member.post(PROJECTS, {"name": "Moon"}))
    assert len(member.get(PROJECTS).json()["results"]) == 1


@pytest.mark.parametrize("method", ["put", "patch"])
def test_on_update(method: str, member: Any) -> None:
    mars = member.post(PROJECTS, {"name": "Mars"}).json()
    path = f"{PROJECTS}{mars['id']}/"
    _assert_duplicate(getattr(member, method)(path, {"name": "Moon"}))
    assert member.get(path).json() == mars


@pytest.mark.parametrize("method", ["put", "patch"])
def test_unchanged_name_is_accepted(method: str, member: Any) -> None:
    (moon,) = member.get(PROJECTS).json()["results"]
    response = getattr(member, method)(f"{PROJECTS}{moon['id']}/", {"name": "Moon"})
    assert response.status_code == 200


def test_tenants_may_use_the_same_name(
    member: Any, globex: Any, client_of: Callable[..., Any]
) -> None:
    response = client_of(globex, "member").post(PROJECTS, {"name": "Moon"})
    assert response.status_code == 201


def test_duplicate_needs_no_additional_statements(member: Any) -> None:
    mars = member.post(PROJECTS, {"name": "Mars"}).json()
    path = f"{PROJECTS}{mars['id']}/"
    for method, at, good, bad in (
        ("post", PROJECTS, "Venus", "Moon"),
        ("patch", path, "Pluto", "Moon"),
    ):
        counts = []
        for name, success in ((good, True), (bad, False)):
            with statements() as sent:
                response = getattr(member, method)(at, {"name": name})
            assert (response.status_code < 400) is success
            counts.append(len(sent))
        assert counts[0] == counts[1]


@pytest.mark.django_db(transaction=False)
def test_transaction_continues_after_a_duplicate(member: Any, acme: Any) -> None:
    """As with ATOMIC_REQUESTS, or in a TestCase: earlier writes are kept."""
    _assert_duplicate(member.post(PROJECTS, {"name": "Moon"}))
    with tenant_context(acme):
        assert Project.objects.count() == 1


def test_concurrent_duplicates(member: Any) -> None:
    for name in ("Mars", "Venus", "Pluto"):
        first, second = sorted(
            at_once(2, partial(member.post, PROJECTS, {"name": name})),
            key=lambda response: response.status_code,
        )
        assert first.status_code == 201
        _assert_duplicate(second)
