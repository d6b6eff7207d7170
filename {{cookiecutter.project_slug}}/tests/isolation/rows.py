"""Rows of every tenant model, and all that Django lets one ask of them."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import models
from django.db.models import Count, F

from apps.isolation import require_tenant
from apps.isolation.context import activate_tenant
from apps.isolation.fields import new_id
from apps.tenants.models import Tenant
from tests.isolation.conftest import run
from tests.isolation.samples import Samples, label, tenant_models

MODELS: list[Any] = tenant_models()
each_model = pytest.mark.parametrize("model", MODELS, ids=label)

KEYS: list[Any] = [
    field
    for model in MODELS
    for field in model._meta.fields
    if isinstance(field, models.ForeignKey) and field.related_model in MODELS
]
each_key = pytest.mark.parametrize("key", KEYS, ids=str)
# A sample's key to its own kind is empty: there may be no other row.
FILLED = [key for key in KEYS if key.related_model is not key.model]
each_filled_key = pytest.mark.parametrize("key", FILLED, ids=str)


def new_row(model: Any) -> Any:
    """Return a row of the active tenant that is not saved; what it refers to is."""
    tenant = Tenant.objects.get(pk=require_tenant().id)
    return Samples(tenant, tenant.slug.upper()).build(model)


def make_row(model: Any) -> Any:
    """Save a row for the active tenant, and return it."""
    row = new_row(model)
    row.save()
    return row


def unowned_row(model: Any) -> Any:
    """Return a row that was made in no tenant and is not saved; what it refers to is."""
    row = new_row(model)
    values = {field.attname: getattr(row, field.attname) for field in model._meta.concrete_fields}
    with activate_tenant(None):
        return model(**values)


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
    "raw": lambda q: list(q.raw(f"SELECT * FROM {q.model._meta.db_table}")),
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
