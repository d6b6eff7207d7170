"""System checks: every list can be paged to its end, in every offered ordering."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.db.models import CharField, Model, QuerySet, TextField
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.filters import OrderingFilter
from rest_framework.generics import GenericAPIView

from apps.api.keyset import UnseekableError, keys_of
from apps.api.pagination import TimeOrderedPagination

LONGEST_POSITION = 600
"""Maximum characters of all texts in a cursor; longer addresses exceed servers' limits."""


def check_orderings(
    app_configs: Sequence[AppConfig] | None, **kwargs: object
) -> list[CheckMessage]:
    """Check the lists of the API: their cursors, and the orderings that clients may choose."""
    views = {
        view: view.cls(**view.initkwargs)
        for view in _views(get_resolver(settings.ROOT_URLCONF).url_patterns)
        if issubclass(getattr(view, "cls", object), GenericAPIView)
    }
    return [
        Error(f"{_name(view.cls)} {problem}.", hint=hint, id=f"api.{number}")
        for view, made in views.items()
        for number, problem, hint in _problems(made)
    ]


def _name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__name__}"


def _views(patterns: Iterable[URLPattern | URLResolver]) -> Iterator[Any]:
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            yield pattern.callback
        else:
            yield from _views(pattern.url_patterns)


def _problems(view: GenericAPIView[Model]) -> Iterator[tuple[str, str, str]]:
    pagination = view.pagination_class
    if pagination is None:
        return
    rows = _rows_of(view)
    filters = [each for each in view.filter_backends if issubclass(each, OrderingFilter)]
    if not issubclass(pagination, TimeOrderedPagination):
        if filters or rows is None or not _is_total(rows):
            problem = f"uses {pagination.__name__} with an order that is not unique"
            hint = "Derive it from TimeOrderedPagination, or end the queryset's order with its id."
            yield "E001", problem, hint
        return
    offered = getattr(view, "ordering_fields", filters[0].ordering_fields) if filters else ()
    if offered is None or offered == "__all__":
        yield (
            "E002",
            "has no ordering_fields",
            "Set ordering_fields to the columns that may order it.",
        )
        return
    if rows is not None:
        names = [each if isinstance(each, str) else each[0] for each in offered]
        default = [*_names(pagination.ordering), *_names(getattr(view, "ordering", None))]
        yield from _unseekable(rows, [*default, *names])


def _rows_of(view: Any) -> QuerySet[Model] | None:
    """Return the view's queryset, without evaluating it."""
    if view.queryset is not None:
        return view.queryset  # type: ignore[no-any-return]
    model = getattr(getattr(view.serializer_class, "Meta", None), "model", None)
    return QuerySet(model) if model else None


def _is_total(rows: QuerySet[Model]) -> bool:
    """Return whether the ordering is unique."""
    options = rows.model._meta
    order = rows.query.order_by or options.ordering
    last = str(order[-1]).removeprefix("-") if order else ""
    return last in {"pk", options.pk.name}


def _names(ordering: str | Iterable[str] | None) -> list[str]:
    """Return the names of a default ordering."""
    return [ordering] if isinstance(ordering, str) else list(ordering or ())


def _unseekable(rows: QuerySet[Model], names: list[str]) -> Iterator[tuple[str, str, str]]:
    lengths: dict[str, int | None] = {}
    for name in names:
        try:
            keys = keys_of(rows, [name])
        except UnseekableError as error:
            problem = f"offers an ordering that cannot be paged: {error}".removesuffix(".")
            yield "E003", problem, "Order by columns, or annotate the view's queryset."
            continue
        texts = [key for key in keys if isinstance(key.field, CharField | TextField)]
        lengths |= {key.name: key.field.max_length for key in texts}
    if None in lengths.values() or sum(filter(None, lengths.values())) > LONGEST_POSITION:
        problem = f"offers an ordering by texts of more than {LONGEST_POSITION} characters in total"
        hint = f"Remove this ordering, or set max_length of: {', '.join(sorted(lengths))}."
        yield "E004", problem, hint
