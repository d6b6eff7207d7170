"""Rows of every tenant model, and all operations of Django's querysets."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, models
from django.db.models import Count, F

from apps.isolation import require_tenant
from apps.isolation.context import activate_tenant
from apps.tenants.models import Tenant
from tests.isolation.conftest import run
from tests.isolation.declarations import (
    column_to_write,
    columns_of,
    is_inherited,
    is_parent_link,
    keys_of,
    label,
    tenant_models,
    unknown_id,
)
from tests.isolation.samples import Samples

MODELS: list[Any] = tenant_models()
each_model = pytest.mark.parametrize("model", MODELS, ids=label)

KEYS: list[Any] = [
    field
    for model in MODELS
    for field in model._meta.local_fields
    if isinstance(field, models.ForeignKey) and field.related_model in MODELS
    if not is_parent_link(field)
]
each_key = pytest.mark.parametrize("key", KEYS, ids=str)
# Relations of a sample to its own model stay empty, since no other row may exist.
FILLED = [key for key in KEYS if key.related_model is not key.model]
each_filled_key = pytest.mark.parametrize("key", FILLED, ids=str)


def _samples() -> Samples:
    tenant = Tenant.objects.get(pk=require_tenant().id)
    return Samples(tenant, tenant.slug.upper())


def new_row(model: Any, **pinned: Any) -> Any:
    """Return an unsaved row of the active tenant; the rows that it refers to are saved."""
    return _samples().build(model, **pinned)


def make_row(model: Any, **pinned: Any) -> Any:
    """Save a row of the active tenant, and return it."""
    return _samples().make(model, **pinned)


def value_for(key: Any, target: Any) -> dict[str, Any]:
    """Return the column of a foreign key and its value for a row that it may refer to."""
    return {key.attname: getattr(target, key.target_field.attname)}


def can_be_inserted_in_bulk(model: Any) -> bool:
    """Return whether Django supports ``bulk_create()``, which needs one table."""
    return not is_inherited(model)


def can_ignore_conflicts(model: Any) -> bool:
    """Return whether PostgreSQL supports ON CONFLICT for a model."""
    constraints = model._meta.constraints
    is_deferrable = any(getattr(each, "deferrable", None) for each in constraints)
    return can_be_inserted_in_bulk(model) and not is_deferrable


def unowned_row(model: Any) -> Any:
    """Return an unsaved row without a tenant; the rows that it refers to are saved."""
    row = new_row(model)
    values = {field.attname: getattr(row, field.attname) for field in columns_of(model)}
    with activate_tenant(None):
        return model(**values)


def _nothing_new(queryset: Any) -> dict[str, Any]:
    """Return values for an update that changes nothing; its count reveals found rows."""
    field = column_to_write(queryset.model).name
    return {field: F(field)}


# All operations of Django's querysets. Each returns a true value if it found or changed a row.
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
    "contains": lambda q: q.contains(q.model(pk=unknown_id(q.model))),
    "union": lambda q: list(q.union(q.all())),
    "subquery": lambda q: list(q.model._base_manager.filter(pk__in=q.values("pk"))),
    "only": lambda q: list(q.only("pk")),
    "select_related": lambda q: list(q.select_related(None)),
    "raw": lambda q: list(q.raw(f"SELECT * FROM {table_of(q.model)}")),
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
    """Return a model's rows by a raw SQL query."""
    return model.objects.raw(f"SELECT * FROM {table_of(model)}")


def table_of(model: Any) -> str:
    """Return the quoted name of a model's table."""
    return connection.ops.quote_name(model._meta.db_table)


def ids_of(model: Any) -> str:
    """Return the quoted columns of a model's primary key."""
    return ", ".join(connection.ops.quote_name(key.column) for key in keys_of(model))
