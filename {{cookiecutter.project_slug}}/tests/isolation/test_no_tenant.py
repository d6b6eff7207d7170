"""Without a tenant, no model, manager or query returns rows (CT04)."""

from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import Model

from apps.isolation import ActiveTenant, NoTenantError, tenant_context
from apps.isolation.context import activate_tenant
from apps.isolation.fields import new_id
from tests.isolation.declarations import column_to_write, columns_of, unknown_id
from tests.isolation.rows import (
    MODELS,
    READS,
    WRITES,
    each_model,
    make_row,
    raw,
    table_of,
    unowned_row,
)


@pytest.fixture(autouse=True)
def _rows(request: pytest.FixtureRequest, acme: Any) -> None:
    """Create a row of the test's model, which a query could find."""
    parameters = getattr(request.node, "callspec", None)
    model = parameters.params.get("model") if parameters else None
    if model in MODELS:
        with tenant_context(acme):
            make_row(model)


def _managers(model: Any) -> list[Any]:
    return [*model._meta.managers, model._base_manager, model._default_manager]


@each_model
def test_ct04_managers_require_a_tenant(model: Any) -> None:
    for manager in _managers(model):
        for ask in (READS | WRITES).values():
            with pytest.raises(NoTenantError):
                ask(manager.all())


@each_model
def test_ct04_writes_require_a_tenant(model: Any, acme: Any) -> None:
    with tenant_context(acme):
        row, new = model.objects.first(), unowned_row(model)
    values = {field.attname: getattr(new, field.attname) for field in columns_of(model)}
    unknown, column = unknown_id(model), column_to_write(model).name
    for write in (
        row.save,
        row.delete,
        row.refresh_from_db,
        new.save,
        lambda: model.objects.create(**values),
        lambda: model.objects.bulk_create([new]),
        lambda: model.objects.bulk_update([row], [column]),
        lambda: model.objects.get_or_create(pk=unknown, defaults=values),
        lambda: model.objects.update_or_create(pk=unknown, defaults=values),
    ):
        with pytest.raises(NoTenantError):
            write()


@each_model
def test_ct04_raw_queries_require_a_tenant(model: Any) -> None:
    with pytest.raises(NoTenantError):
        list(raw(model))


@each_model
def test_ct04_cursor_finds_no_rows(model: Any) -> None:
    """The query fails without a visible table, or finds an empty one."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {table_of(model)}")
            rows = cursor.fetchall()
    except DatabaseError as error:
        assert "does not exist" in str(error)  # noqa: PT017 - one of two good outcomes
    else:
        assert rows == []


@each_model
@pytest.mark.django_db(transaction=True)
def test_ct04_unknown_tenant_has_no_rows(model: Any, acme: Any) -> None:
    """A query does not fall back to other tenants' rows or to shared tables."""
    for name, ask in (READS | WRITES).items():
        with activate_tenant(ActiveTenant(new_id())):
            try:
                found = ask(model.objects.all())
            except DatabaseError:
                continue
            assert not found, name
    with tenant_context(acme):
        row = unowned_row(model)
    with activate_tenant(ActiveTenant(new_id())), pytest.raises(DatabaseError):
        row.save()
    with tenant_context(acme):
        assert model.objects.count() >= 1


@pytest.mark.parametrize("garbage", ["", "acme", "'; RESET ALL; --", 1, None])
def test_ct04_invalid_id_is_no_tenant(garbage: Any) -> None:
    with pytest.raises(TypeError, match="is a UUID"):
        ActiveTenant(garbage)


def _of_a_tenant(model: type[Model]) -> bool:
    tenant = apps.get_model(settings.TENANT_MODEL)
    return any(field.related_model is tenant for field in model._meta.fields)


@pytest.mark.parametrize(
    "model",
    [model for model in apps.get_models() if model not in MODELS and _of_a_tenant(model)],
    ids=lambda model: model._meta.label,
)
def test_ct04_shared_rows_of_a_tenant_require_for_tenant(model: Any) -> None:
    """Their managers have no all(), on which code could forget a filter."""
    for ask in (list, len, lambda q: q.count(), lambda q: q.first()):
        with pytest.raises(TypeError, match=r"for_tenant\(tenant\)"):
            ask(model.objects.all())
