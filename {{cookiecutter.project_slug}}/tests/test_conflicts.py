"""Deleting a referenced row: 409 in the API, a message on pages, never 500."""

import sys
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection, models, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from apps.authentication.decorators import require_role
from apps.isolation import tenant_context
from apps.pages.forms import PageForm
from apps.pages.rendering import redirect_with_errors, render_page
from apps.pages.testing import Visit
from apps.tenants.models import Tenant
from tests.sample.models import Book, Shelf
from tests.sample.views import ShelfViewSet

SHELVES = "/api/v1/sample/shelves/"
NAMED = "This object cannot be deleted: books refer to it."
UNNAMED = "Other rows refer to this object, or it refers to a deleted row."
KEPT = {models.PROTECT: NAMED, models.RESTRICT: NAMED, models.DO_NOTHING: UNNAMED}


@pytest.fixture
def keep(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Return a function that sets ``on_delete`` of the books of a shelf."""
    key = Book._meta.get_field("shelf").remote_field
    return lambda on_delete: monkeypatch.setattr(key, "on_delete", on_delete)


@pytest.fixture
def shelf(acme: Tenant) -> Iterator[Shelf]:
    """Return a shelf with a book, and check afterwards that it still exists."""
    with tenant_context(acme):
        shelf = Shelf.objects.create(name="full")
        Book.objects.create(shelf=shelf, title="kept")
    yield shelf
    with tenant_context(acme):
        assert Shelf.objects.filter(pk=shelf.pk).exists()


@pytest.fixture
def member(acme: Tenant, client_of: Callable[..., Any]) -> Any:
    client = client_of(acme, "member")
    client.raise_request_exception = False
    return client


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("on_delete", KEPT)
def test_api_answers_409(on_delete: Any, shelf: Shelf, member: Any, keep: Any) -> None:
    keep(on_delete)
    response = member.delete(f"{SHELVES}{shelf.pk}/")
    assert (response.status_code, response.json()) == (
        409,
        {"detail": KEPT[on_delete], "code": "in_use"},
    )


@pytest.mark.parametrize("in_transaction", [False, True])
def test_route_with_its_own_delete(
    in_transaction: bool,
    shelf: Shelf,
    member: Any,
    keep: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def clear(self: ShelfViewSet, request: Any) -> None:
        Shelf.objects.all().delete()

    keep(models.RESTRICT)
    monkeypatch.setattr(
        ShelfViewSet, "list", transaction.atomic(clear) if in_transaction else clear
    )
    response = member.get(SHELVES)
    assert (response.status_code, response.json()["code"]) == (409, "in_use")


@pytest.mark.django_db(transaction=True)
def test_related_row_that_is_deleted_meanwhile(
    shelf: Shelf, member: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A concurrent request deletes the shelf after its validation."""

    def lose(self: ShelfViewSet, request: Any) -> None:
        with connection.cursor() as cursor, transaction.atomic():
            cursor.execute("DELETE FROM sample_book")
            cursor.execute("DELETE FROM sample_shelf")
            Book.objects.create(shelf_id=shelf.pk, title="lost")

    monkeypatch.setattr(ShelfViewSet, "list", lose)
    response = member.get(SHELVES)
    assert (response.status_code, response.json()["code"]) == (409, "in_use")


@pytest.mark.django_db(transaction=True)
def test_other_violations_are_errors(
    shelf: Shelf, member: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def duplicate(self: ShelfViewSet, request: Any) -> None:
        Shelf.objects.create(name=shelf.name)

    monkeypatch.setattr(ShelfViewSet, "list", duplicate)
    assert member.get(SHELVES).status_code == 500


# Pages, and Django's own views


@require_role("member")
def with_a_form(request: HttpRequest) -> HttpResponse:
    """Delete by a form, and expect the message in it."""
    form = PageForm(request)
    form.succeeds(Shelf.objects.get().delete)
    return render_page(request, "pages/form.html", form)


@require_role("member")
def with_a_button(request: HttpRequest) -> HttpResponse:
    """Delete by a button in a list, and expect the message there."""
    form = PageForm(request)
    form.succeeds(Shelf.objects.get().delete)
    return redirect_with_errors(request, form, "/members/")


@require_role("member")
def without_a_form(request: HttpRequest) -> HttpResponse:
    """Delete, and expect success."""
    Shelf.objects.get().delete()
    return HttpResponse()


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> None:
    views = {"form/": with_a_form, "button/": with_a_button, "plain/": without_a_form}
    routes = [path(name, view) for name, view in views.items()]
    routes += [path(f"api/{name}", view) for name, view in views.items()]
    urls = SimpleNamespace(urlpatterns=[*routes, path("", include("config.urls.tenant"))])
    monkeypatch.setitem(sys.modules, "conflict_urls", urls)
    monkeypatch.setattr("apps.authentication.middleware.TENANT_URLCONF", "conflict_urls")


@pytest.mark.usefixtures("pages", "shelf")
@pytest.mark.parametrize("on_delete", [models.PROTECT, models.RESTRICT])
@pytest.mark.parametrize(
    ("address", "status"), [("/form/", 400), ("/button/", 200), ("/plain/", 409)]
)
def test_pages_show_a_message(
    address: str,
    status: int,
    on_delete: Any,
    visit: Visit,
    keep: Any,
) -> None:
    client = visit("member")
    keep(on_delete)
    response = client.post(address, follow=True)
    assert (response.status_code, NAMED in response.content.decode()) == (status, True)


@pytest.mark.usefixtures("pages", "shelf")
def test_django_view_below_api_answers_in_json(visit: Visit, keep: Any) -> None:
    client = visit("member")
    keep(models.PROTECT)
    response = client.post("/api/plain/")
    assert (response.status_code, response.json()) == (409, {"detail": NAMED, "code": "in_use"})
