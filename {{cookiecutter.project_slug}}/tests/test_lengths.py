"""Every text in a body, a form or a search has a maximum length.

The tests find all routes, serializers, forms and filters, also those of new apps.
"""

from collections.abc import Callable, Iterator
from typing import Any

import django_filters
import pytest
from django import forms
from django_filters.rest_framework.filterset import FilterSet
from rest_framework import filters, serializers

from apps.api.filters import SearchFilter
from apps.pages.forms import PageForm
from tests.isolation.routes import Route, routes

SHELVES = "/api/v1/sample/shelves/"
ROUTES = [route for route in routes() if route.is_of_api]

TEXTS = (serializers.CharField, serializers.ListField)


def unbounded_fields(serializer: Any, place: str = "") -> Iterator[str]:
    """Yield the fields of a serializer without a limit on length or number of values."""
    if isinstance(serializer, serializers.ListSerializer):
        serializer = serializer.child
    for name, field in serializer.fields.items():
        where = f"{place}{name}"
        if field.read_only:
            continue
        if isinstance(field, serializers.BaseSerializer):
            yield from unbounded_fields(field, f"{where}.")
        elif isinstance(field, TEXTS) and getattr(field, "max_length", None) is None:
            yield where


def unbounded_filters(view: Any) -> Iterator[str]:
    """Yield the filters of a list without a maximum length."""
    for backend in getattr(view, "filter_backends", ()):
        if issubclass(backend, filters.SearchFilter) and not issubclass(backend, SearchFilter):
            yield f"{backend.__module__}.{backend.__name__}"
    filterset = getattr(view, "filterset_class", None)
    for name, each in getattr(filterset, "base_filters", {}).items():
        if isinstance(each, django_filters.CharFilter) and not each.extra.get("max_length"):
            yield name


def _forms(base: type[forms.Form]) -> Iterator[type[forms.Form]]:
    for form in base.__subclasses__():
        yield form
        yield from _forms(form)


def unbounded_form_fields(form: type[forms.Form]) -> Iterator[str]:
    """Yield the fields of a form without a maximum length."""
    for name, field in form.base_fields.items():
        is_text = isinstance(field, forms.CharField) and not isinstance(field, forms.UUIDField)
        if is_text and getattr(field, "max_length", None) is None:
            yield name


class _Tag(serializers.Serializer[Any]):
    word = serializers.CharField()


class _Body(serializers.Serializer[Any]):
    short = serializers.CharField(max_length=5)
    long = serializers.CharField()
    mail = serializers.EmailField()
    tag = _Tag()
    tags = _Tag(many=True)
    words = serializers.ListField(child=serializers.CharField(max_length=5))
    shown = serializers.CharField(read_only=True)


class _Filters(FilterSet):
    short = django_filters.CharFilter(max_length=5)
    long = django_filters.CharFilter()


class _View:
    filter_backends = (filters.SearchFilter, SearchFilter)
    filterset_class = _Filters


class _Form(forms.Form):
    short = forms.CharField(max_length=5)
    long = forms.CharField()
    slug = forms.SlugField()


def test_unbounded_texts_are_found() -> None:
    assert list(unbounded_fields(_Body())) == ["long", "mail", "tag.word", "tags.word", "words"]
    assert list(unbounded_filters(_View)) == ["rest_framework.filters.SearchFilter", "long"]
    assert list(unbounded_form_fields(_Form)) == ["long", "slug"]


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_texts_of_routes_are_bounded(route: Route) -> None:
    for method in route.methods:
        serializer = route.serializer(method)
        assert serializer is None or not list(unbounded_fields(serializer)), method
        assert not list(unbounded_filters(route.view(method))), method


def test_texts_of_pages_are_bounded() -> None:
    found = {form: list(unbounded_form_fields(form)) for form in _forms(PageForm)}
    assert len(found) > 10
    assert not {form: names for form, names in found.items() if names}


@pytest.mark.parametrize(
    ("search", "status"),
    [
        ("x" * 100, 200),
        ("x" * 101, 400),
        (" ".join("abcdefgh"), 200),
        (" ".join("abcdefghi"), 400),
        (",".join("abcdefghi"), 400),
        (" ".join(map(str, range(800))), 400),
    ],
)
def test_search_is_limited_to_a_few_words(
    search: str, status: int, acme: Any, client_of: Callable[..., Any]
) -> None:
    response = client_of(acme, "viewer").get(SHELVES, {"search": search})
    assert response.status_code == status
    if status == 400:
        assert list(response.json()) == ["search"]


@pytest.mark.parametrize(("length", "status"), [(10_000, 201), (10_001, 400), (1_000_000, 400)])
def test_too_long_text_is_refused(
    length: int, status: int, acme: Any, client_of: Callable[..., Any]
) -> None:
    body = {"name": "n", "description": "x" * length}
    response = client_of(acme, "member").post(SHELVES, body)
    assert response.status_code == status
    if status == 400:
        assert list(response.json()) == ["description"]


@pytest.mark.parametrize(
    "body",
    [
        {"email": f"{'x' * 300}@a.test", "password": "p"},
        {"email": "a@a.test", "password": "p" * 1025},
        {"email": "a@a.test", "password": "p", "tenant": "t" * 64},
    ],
)
def test_log_in_refuses_long_texts(body: dict[str, str], client: Any) -> None:
    url = "/api/v1/auth/token/"
    response = client.post(
        url, body, content_type="application/json", headers={"Host": "localhost"}
    )
    assert response.status_code == 400
