"""Pages of a list contain each row once, in every order and with every filter."""

from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from itertools import product
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.db.models import Count, F
from django.urls import include, path
from rest_framework.filters import OrderingFilter
from rest_framework.generics import ListAPIView
from rest_framework.pagination import CursorPagination, PageNumberPagination

from apps.api.checks import check_orderings
from apps.api.pagination import TimeOrderedPagination
from apps.isolation import tenant_context
from apps.memberships.roles import Role
from tests.isolation.routes import routes
from tests.sample.models import Book, Label, Shelf

BOOKS, SHELVES = "/api/v1/sample/books/", "/api/v1/sample/shelves/"
START = datetime(2026, 1, 1, tzinfo=UTC)
ORDERINGS = [
    (route.path, sign + name)
    for route in routes()
    if route.is_of_api
    for name in getattr(route.callback.cls, "ordering_fields", ())
    if not route.parameters
    for sign in ("", "-")
]


@pytest.fixture
def member(acme: Any, client_of: Callable[..., Any]) -> Any:
    return client_of(acme, "member")


@pytest.fixture
def books(acme: Any) -> list[str]:
    """Create books with equal values in every column, and return their ids."""
    with tenant_context(acme):
        shelf = Shelf.objects.create(name="one")
        days = (None, date(2026, 1, 1), None, date(2026, 1, 2))
        made = Book.objects.bulk_create(
            Book(shelf=shelf, title="ab"[n % 2], due_on=days[n % 4], position=n // 6)
            for n in range(17)
        )
        Book.objects.filter(position=1).update(created_at=START, status="lent")
    return [str(book.pk) for book in made]


def _pages(client: Any, link: str, direction: str = "next") -> Iterator[list[Any]]:
    visited = set()
    while link:
        assert link not in visited, "a page leads to itself"
        visited.add(link)
        response = client.get(link)
        assert response.status_code == 200, response.content
        body = response.json()
        yield [row["id"] for row in body["results"]]
        link = body[direction]


def _ids(client: Any, link: str) -> list[Any]:
    return [row for page in _pages(client, link) for row in page]


def test_every_offered_order_is_tested() -> None:
    assert {"/api/v1/sample/books/", "/api/v1/sample/shelves/"} <= {path for path, _ in ORDERINGS}


@pytest.mark.parametrize(("url", "ordering"), ORDERINGS)
def test_each_row_is_on_exactly_one_page(
    url: str, ordering: str, member: Any, acme: Any, books: list[str]
) -> None:
    name = f"{url}?ordering={ordering}&page_size="
    with tenant_context(acme):
        Shelf.objects.bulk_create(Shelf(name=f"shelf {number}") for number in range(6))
        Shelf.objects.update(created_at=START, updated_at=START)
    at_once = _ids(member, f"{name}200")
    assert len(set(at_once)) == len(at_once)
    for size in (1, 3, 5):
        assert _ids(member, f"{name}{size}") == at_once


@pytest.mark.parametrize(
    ("ordering", "query"),
    [
        *product(
            ["due_on", "-due_on", "status,-due_on", "-position,title,-status", "title,title"],
            ["", "search=a", "status=lent"],
        ),
        ("due_on,position,-due_on,-id,nothing", ""),
    ],
)
def test_combined_orders_and_filters(
    ordering: str, query: str, member: Any, books: list[str]
) -> None:
    url = f"{BOOKS}?{query}&{urlencode({'ordering': ordering})}&page_size="
    at_once = _ids(member, f"{url}200")
    assert len(at_once) == len(set(at_once)) > 3
    assert _ids(member, f"{url}3") == at_once


@pytest.mark.parametrize("ordering", ["", "status", "-due_on", "due_on,-title", "created_at"])
def test_previous_links_return_the_same_pages(ordering: str, member: Any, books: list[str]) -> None:
    link = f"{BOOKS}?ordering={ordering}&page_size=4"
    *_, last = there = list(_pages(member, link))
    assert len(last) == 1
    body = member.get(link).json()
    while body["next"]:
        body = member.get(last_link := body["next"]).json()
    back = list(_pages(member, last_link, "previous"))
    assert back == there[::-1]


def test_many_rows_with_equal_values(member: Any, acme: Any) -> None:
    with tenant_context(acme):
        Shelf.objects.bulk_create(Shelf(name=f"{number}") for number in range(1505))
    assert len(set(_ids(member, f"{SHELVES}?ordering=status&page_size=200"))) == 1505


def test_concurrent_changes_hide_no_other_rows(member: Any, acme: Any, books: list[str]) -> None:
    link = f"{BOOKS}?ordering=status&page_size=5"
    first = member.get(link).json()
    seen = [row["id"] for row in first["results"]]
    with tenant_context(acme):
        Book.objects.filter(pk__in=seen).delete()
        Book.objects.create(shelf=Shelf.objects.get(), title="new", status="free")
    rest = _ids(member, first["next"])
    assert set(books) <= {*seen, *rest}
    assert not set(seen) & set(rest)


@pytest.mark.parametrize("gone", ["before", "after"])
def test_empty_page_links_to_other_pages(
    gone: str, member: Any, acme: Any, books: list[str]
) -> None:
    first = member.get(f"{BOOKS}?ordering=status&page_size=5").json()
    second = member.get(first["next"]).json()
    link, back = (first["next"], "previous") if gone == "after" else (second["previous"], "next")
    kept = [row["id"] for row in (first if gone == "after" else second)["results"]]
    with tenant_context(acme):
        Book.objects.exclude(pk__in=kept).delete()
    body = member.get(link).json()
    assert body["results"] == []
    assert [row["id"] for row in member.get(body[back]).json()["results"]] == kept


@pytest.mark.parametrize("name", ["é" * 200, "🐢" * 200, "a&b=c?d/e%f+ g", '"\\', " "])
def test_cursor_may_contain_any_text(name: str, member: Any, acme: Any) -> None:
    with tenant_context(acme):
        Shelf.objects.bulk_create(Shelf(name=f"{name[:199]}{end}") for end in "abc")
    link = f"{SHELVES}?ordering=name&page_size=1"
    assert len(set(_ids(member, link))) == 3
    assert len(member.get(link).json()["next"]) < 4000


@pytest.mark.parametrize(
    "position",
    [
        *("", "1", "{}", "[]", "[false]", "[0,[]]", "[false,{}]", "[false,[1]]", "[" * 900),
        *('[false,["free"]]', '[false,[null,"x"]]', '[false,["free",null]]', '[false,["f",1]]'),
        *('[false,["free","x"]]', '[false,["\\ud800","x"]]', '[false,["\\u0000","x"]]'),
        '[false,["free","00000000-0000-0000-0000-000000000000","x"]]',
    ],
)
def test_invalid_cursor_is_answered_with_404(position: str, member: Any, books: list[str]) -> None:
    cursor = quote(urlsafe_b64encode(position.encode()) or "x")
    response = member.get(f"{BOOKS}?ordering=status&cursor={cursor}")
    assert response.status_code == 404
    assert response.json() == {"detail": "Invalid cursor", "code": "not_found"}


# The check


class _List(ListAPIView[Book]):
    read_role = Role.VIEWER
    queryset = Book.objects.all()
    filter_backends = (OrderingFilter,)
    ordering_fields: Any = ("title",)


class _ByPage(PageNumberPagination):
    page_size = 5


class _ByCreation(CursorPagination):
    ordering = "-created_at"


@pytest.mark.parametrize(
    ("attributes", "number"),
    [
        ({}, None),
        ({"ordering_fields": ("title", "-due_on", ("position", "Position"), "pk")}, None),
        ({"queryset": Book.objects.annotate(n=Count("labels")), "ordering_fields": ("n",)}, None),
        ({"filter_backends": (), "ordering_fields": None}, None),
        ({"pagination_class": None, "ordering_fields": None}, None),
        ({"pagination_class": _ByPage}, "E001"),
        ({"pagination_class": _ByCreation}, "E001"),
        ({"pagination_class": _ByPage, "filter_backends": ()}, "E001"),
        (
            {
                "pagination_class": _ByPage,
                "filter_backends": (),
                "queryset": Book.objects.order_by("title", "-id"),
            },
            None,
        ),
        ({"ordering_fields": None}, "E002"),
        ({"ordering_fields": "__all__"}, "E002"),
        ({"ordering_fields": ("shelf__name",)}, "E003"),
        ({"ordering_fields": ("shelf",)}, "E003"),
        ({"ordering_fields": ("nothing",)}, "E003"),
        ({"ordering_fields": ("labels",)}, "E003"),
        ({"ordering": ("shelf__name",)}, "E003"),
        ({"queryset": Shelf.objects.all(), "ordering_fields": ("description",)}, "E004"),
        ({"queryset": Label.objects.annotate(a=F("word")), "ordering_fields": ("word", "a")}, None),
    ],
)
def test_check_refuses_ambiguous_order(
    attributes: dict[str, Any], number: str | None, settings: Any
) -> None:
    view: Any = type("_Tried", (_List,), attributes)
    settings.ROOT_URLCONF = (path("x/", include([path("", view.as_view())])),)
    assert [error.id for error in check_orderings(None)] == ([f"api.{number}"] if number else [])


def test_order_by_annotation(acme: Any, rf: Any, books: list[str]) -> None:
    from rest_framework.request import Request  # noqa: PLC0415

    with tenant_context(acme):
        rows = Book.objects.annotate(place=F("position") % 2, late=F("due_on"))

        class Paged(TimeOrderedPagination):
            ordering = ("-late", "place")  # type: ignore[assignment]

        link, found = "/?page_size=3", []
        while link:
            pages = Paged()
            found += [row.pk for row in pages.paginate_queryset(rows, Request(rf.get(link)))]
            link = pages.get_next_link() or ""
        assert sorted(map(str, found)) == sorted(books)
