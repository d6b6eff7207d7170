"""References from a tenant's tables into the shared data."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import models
from django.db.migrations.writer import MigrationWriter

from apps.isolation import tenant_context
from apps.isolation.fields import SharedForeignKey, UserForeignKey
from apps.isolation.testing import make_member
from tests.sample.models import Shelf


@pytest.mark.parametrize(
    ("field", "written"),
    [
        (UserForeignKey(null=True), {"null": True, "to": "authentication.user"}),
        (UserForeignKey(personal=True), {"to": "authentication.user"}),
        (SharedForeignKey("tenants.Tenant"), {"to": "tenants.tenant"}),
        (
            SharedForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="boards"),
            {"to": "tenants.tenant"},
        ),
    ],
)
def test_what_a_migration_writes_down(field: SharedForeignKey, written: dict[str, object]) -> None:
    """Not what the class decides: the isolation layer may stand elsewhere tomorrow."""
    _, path, args, kwargs = field.deconstruct()
    assert path == f"apps.isolation.fields.{type(field).__name__}"
    assert args == []
    kwargs["to"] = str(kwargs["to"]).lower()
    assert kwargs == written
    text, imports = MigrationWriter.serialize(field)
    assert text.startswith(path)
    assert "import apps.isolation.fields" in imports


def test_a_field_that_is_read_back_from_a_migration_is_the_same() -> None:
    field = UserForeignKey(null=True)
    _, _, args, kwargs = field.deconstruct()
    assert UserForeignKey(*args, **kwargs).deconstruct() == field.deconstruct()


def test_nothing_cascades_and_users_have_no_way_back() -> None:
    field = Shelf._meta.get_field("created_by")
    assert field.remote_field.on_delete is models.DO_NOTHING
    names = [relation.name for relation in get_user_model()._meta.get_fields()]
    assert not [name for name in names if "shelf" in name or "book" in name]


def test_the_related_object_is_read_when_it_is_asked_for(acme: Any) -> None:
    user = make_member(acme, "member").user
    with tenant_context(acme):
        Shelf.objects.create(name="Moon", created_by=user)
        shelf = Shelf.objects.get()
        assert shelf.created_by_id == user.pk
        assert shelf.created_by == user
        assert Shelf.objects.filter(created_by=user).exists()
        assert Shelf.objects.filter(created_by__isnull=False).exists()
