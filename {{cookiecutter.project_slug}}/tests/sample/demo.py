"""The demo module of the tests' own app."""

from collections.abc import Callable, Iterator
from typing import Any

from tests.sample.models import Shelf

TRY = ["/api/v1/sample/shelves/"]


def fill(name: str) -> None:
    """Give the active tenant a shelf."""
    Shelf.objects.get_or_create(name=f"{name} shelf")


def smoke_test(
    members: dict[str, Callable[..., Any]], viewer: Callable[..., Any]
) -> Iterator[tuple[str, bool, object]]:
    """Read the shelves, and check that a Viewer cannot write."""
    for slug, ask in members.items():
        answer = ask("/api/v1/sample/shelves/")
        names = [shelf["name"] for shelf in answer[1]["results"]]
        yield f"{slug} has its shelf", names == [f"{slug.title()} shelf"], answer
    answer = viewer("/api/v1/sample/shelves/", {"name": "x"})
    yield "a viewer's write is refused", answer[0] == 403, answer
