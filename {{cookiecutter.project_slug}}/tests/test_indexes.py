"""Do queries find their way by the indexes that the models declare? Asked of PostgreSQL."""

from typing import Any

import pytest
from django.db import connection, models

from apps.isolation import tenant_context
from tests.isolation.samples import tenant_models

# For what few rows there are, PostgreSQL would read all of them and sort.
ONLY_INDEXES = "SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off"


def _declared() -> list[Any]:
    return [
        pytest.param(model, index, id=index.name)
        for model in tenant_models()
        for index in (*model._meta.indexes, *model._meta.constraints)
        # The primary key gives ids in their order as well, and of few rows either is as good.
        if isinstance(index, (models.Index, models.UniqueConstraint)) and index.fields[-1] != "id"
    ]


@pytest.mark.django_db
@pytest.mark.parametrize(("model", "index"), _declared())
def test_an_index_gives_the_tenants_rows_in_its_order(model: Any, index: Any, acme: Any) -> None:
    """No sorting, and so no reading of what is further down; and nobody else's rows."""
    fields = [name for name in index.fields if name != "tenant"]
    with tenant_context(acme):
        with connection.cursor() as cursor:
            cursor.execute(ONLY_INDEXES)
        plan = model.objects.order_by(*fields).explain()
    assert index.name in plan, plan
    assert "Sort" not in plan, plan
