"""PostgreSQL uses the indexes that the models declare."""

from typing import Any

import pytest
from django.contrib.postgres.indexes import BTreeIndex
from django.db import connection, models

from apps.isolation import tenant_context
from tests.isolation.declarations import tenant_models

# For few rows, PostgreSQL would prefer to read and sort all of them.
ONLY_INDEXES = "SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off"


# Other kinds of indexes do not return rows in order.
_ORDERED = ("", models.Index.suffix, BTreeIndex.suffix)


def _declared() -> list[Any]:
    return [
        pytest.param(model, index, id=index.name)
        for model in tenant_models()
        for index in _indexes(model)
        if not any(_begins(other, index) for other in _indexes(model) if other is not index)
    ]


def _indexes(model: Any) -> list[Any]:
    kinds = (models.Index, models.UniqueConstraint)
    declared = [*model._meta.indexes, *model._meta.constraints]
    # The primary key also returns ids in order, and is as good for few rows.
    return [
        each
        for each in declared
        if isinstance(each, kinds) and each.fields and each.fields[-1] != "id"
        if not _is_of_one_key(model, each)
        if each.condition is None and getattr(each, "suffix", "") in _ORDERED
    ]


def _is_of_one_key(model: Any, index: Any) -> bool:
    """Return whether a foreign key, alone in the index, has another one, or begins the key."""
    names = [name.removeprefix("-") for name in index.fields if name != "tenant"]
    field = model._meta.get_field(names[0])
    has_index = bool(field.remote_field and field.db_index) or field in model._meta.pk_fields
    return len(names) == 1 and has_index


def _begins(other: Any, index: Any) -> bool:
    """Return whether another index begins with the same columns."""
    return list(other.fields[: len(index.fields)]) == list(index.fields)


@pytest.mark.django_db
@pytest.mark.parametrize(("model", "index"), _declared())
def test_index_serves_the_tenants_rows_in_order(model: Any, index: Any, acme: Any) -> None:
    """The query sorts nothing, and reads no further rows and no rows of other tenants."""
    # By its id; ordering by the relation would use the other model's order.
    columns = {field.name: field.attname for field in model._meta.concrete_fields}
    fields = [columns.get(name, name) for name in index.fields if name != "tenant"]
    with tenant_context(acme):
        with connection.cursor() as cursor:
            cursor.execute(ONLY_INDEXES)
        plan = model.objects.order_by(*fields).explain()
    assert index.name in plan, plan
    assert "Sort" not in plan, plan
