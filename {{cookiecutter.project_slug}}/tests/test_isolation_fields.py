"""Foreign keys from tenant models to shared models."""

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
def test_deconstruct(field: SharedForeignKey, written: dict[str, object]) -> None:
    """Migrations omit the options that the class sets, which depend on the strategy."""
    _, path, args, kwargs = field.deconstruct()
    assert path == f"apps.isolation.fields.{type(field).__name__}"
    assert args == []
    kwargs["to"] = str(kwargs["to"]).lower()
    assert kwargs == written
    text, imports = MigrationWriter.serialize(field)
    assert text.startswith(path)
    assert "import apps.isolation.fields" in imports


def test_field_survives_a_migration() -> None:
    field = UserForeignKey(null=True)
    assert field.clone().deconstruct() == field.deconstruct()


def test_no_cascade_and_no_reverse_relation() -> None:
    field = Shelf._meta.get_field("created_by")
    assert field.remote_field.on_delete is models.DO_NOTHING
    names = [relation.name for relation in get_user_model()._meta.get_fields()]
    assert not [name for name in names if "shelf" in name or "book" in name]


def test_related_object_is_read_lazily(acme: Any) -> None:
    user = make_member(acme, "member").user
    with tenant_context(acme):
        Shelf.objects.create(name="Moon", created_by=user)
        shelf = Shelf.objects.get()
        assert shelf.created_by_id == user.pk
        assert shelf.created_by == user
        assert Shelf.objects.filter(created_by=user).exists()
        assert Shelf.objects.filter(created_by__isnull=False).exists()
