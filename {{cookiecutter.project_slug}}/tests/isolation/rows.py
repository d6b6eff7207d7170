"""A row of every tenant model, whatever the product's models are, and all that can be asked for."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from django.apps import apps
from django.db import models
from django.db.models import Count, F, Field

from apps.isolation import TenantModel, new_id
from tests.isolation.conftest import run

MODELS: list[Any] = [model for model in apps.get_models() if issubclass(model, TenantModel)]
each_model = pytest.mark.parametrize("model", MODELS, ids=[model._meta.label for model in MODELS])

KEYS: list[Any] = [
    field
    for model in MODELS
    for field in model._meta.fields
    if isinstance(field, models.ForeignKey) and field.related_model in MODELS
]
each_key = pytest.mark.parametrize("key", KEYS, ids=[str(key) for key in KEYS])

# A field that only some values will do for is registered here: "app.Model.field": make a value.
SAMPLES: dict[str, Callable[[], Any]] = {}

_numbers = count(1)

BY_TYPE: dict[str, Callable[[], Any]] = {
    "BinaryField": lambda: b"canary",
    "BooleanField": bool,
    "CharField": lambda: f"canary {next(_numbers)}",
    "DateField": lambda: date(2030, 1, 2),
    "DateTimeField": lambda: datetime(2030, 1, 2, tzinfo=UTC),
    "DecimalField": Decimal,
    "DurationField": timedelta,
    "EmailField": lambda: f"canary{next(_numbers)}@example.test",
    "FileField": lambda: f"canary-{next(_numbers)}.txt",
    "FloatField": float,
    "GenericIPAddressField": lambda: "192.0.2.1",
    "IntegerField": lambda: next(_numbers),
    "JSONField": dict,
    "SlugField": lambda: f"canary-{next(_numbers)}",
    "TextField": lambda: f"canary {next(_numbers)}",
    "TimeField": time,
    "URLField": lambda: f"https://example.test/{next(_numbers)}",
    "UUIDField": new_id,
}


def new_row(model: Any) -> Any:
    """Return a row that is not saved; what it refers to is."""
    return model(**{field.name: _value(field) for field in model._meta.fields if _needs_one(field)})


def make_row(model: Any) -> Any:
    """Save a row for the active tenant, and return it."""
    row = new_row(model)
    row.save()
    return row


def _needs_one(field: Field[Any, Any]) -> bool:
    filled_in = getattr(field, "references_own_tenant", False) or getattr(field, "auto_now", False)
    may_be_empty = field.null or (field.blank and field.empty_strings_allowed)
    return not (
        filled_in or may_be_empty or field.has_default() or getattr(field, "auto_now_add", False)
    )


def _value(field: Any) -> Any:
    if str(field) in SAMPLES:
        return SAMPLES[str(field)]()
    if field.choices:
        return field.flatchoices[0][0]
    if isinstance(field, models.ForeignKey):
        target: Any = field.related_model
        value = make_row(target) if target in MODELS else target._base_manager.first()
    else:
        kinds = [kind.__name__ for kind in type(field).__mro__]
        value = next((BY_TYPE[kind]() for kind in kinds if kind in BY_TYPE), None)
    if value is None:
        raise AssertionError(f"No sample of {field}: register one in SAMPLES of {__name__}.")
    return value[: field.max_length] if isinstance(value, str) else value


def _nothing_new(queryset: Any) -> dict[str, Any]:
    """Return an update that changes nothing: whoever lets it through is found out by the count."""
    field = queryset.model._meta.fields[-1].name
    return {field: F(field)}


# All that Django offers to do with a queryset. Each returns what it found or did, as something
# that is false if that was nothing.
READS: dict[str, Callable[[Any], Any]] = {
    "list": list,
    "len": len,
    "bool": bool,
    "slice": lambda q: list(q[:1]),
    "count": lambda q: q.count(),
    "exists": lambda q: q.exists(),
    "first": lambda q: q.first(),
    "last": lambda q: q.last(),
    "in_bulk": lambda q: q.in_bulk(),
    "aggregate": lambda q: q.aggregate(n=Count("pk"))["n"],
    "iterator": lambda q: list(q.iterator(chunk_size=1)),
    "values": lambda q: list(q.values()),
    "values_list": lambda q: list(q.values_list("pk", flat=True)),
    "contains": lambda q: q.contains(q.model(pk=new_id())),
    "union": lambda q: list(q.union(q.all())),
    "subquery": lambda q: list(q.model._base_manager.filter(pk__in=q.values("pk"))),
    "only": lambda q: list(q.only("pk")),
    "select_related": lambda q: list(q.select_related(None)),
    "async for": lambda q: run(_listed(q)),
    "aiterator": lambda q: run(_listed(q.aiterator())),
    "acount": lambda q: run(q.acount()),
    "aexists": lambda q: run(q.aexists()),
    "afirst": lambda q: run(q.afirst()),
}
WRITES: dict[str, Callable[[Any], Any]] = {
    "update": lambda q: q.update(**_nothing_new(q)),
    "delete": lambda q: q.delete()[0],
    "aupdate": lambda q: run(q.aupdate(**_nothing_new(q))),
    "adelete": lambda q: run(q.adelete())[0],
}


async def _listed(rows: Any) -> list[Any]:
    return [row async for row in rows]


def raw(model: Any) -> Any:
    """Return a model's rows by a query in SQL."""
    return model.objects.raw(f"SELECT * FROM {model._meta.db_table}")
