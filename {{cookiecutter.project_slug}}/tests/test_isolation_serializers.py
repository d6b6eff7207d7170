"""Serializers report duplicates that the database finds."""

from typing import Any

import pytest
from django.core.validators import validate_slug
from django.db import IntegrityError, connections, models
from django.test.utils import isolate_apps
from rest_framework.exceptions import ValidationError

from apps.isolation import tenant_context
from apps.isolation.integrations.rest_framework import TenantModelSerializer, _duplicate
from apps.isolation.models import TenantModel, tenant_unique
from tests.sample.models import Shelf
from tests.support import statements


class ShelfNames(TenantModelSerializer[Shelf]):
    """A serializer as a product would write it."""

    class Meta:
        model = Shelf
        fields = ["id", "name"]


def test_no_uniqueness_query_before_the_write() -> None:
    with isolate_apps("tests.sample"):

        class Rack(TenantModel):
            code = models.CharField(max_length=9, unique=True, validators=[validate_slug])
            row = models.IntegerField()
            column = models.IntegerField()

            class Meta:
                app_label = "sample"
                constraints = [tenant_unique("row", "column", name="rack_place")]

        class RackSerializer(TenantModelSerializer[Any]):
            class Meta:
                model = Rack
                fields = ["code", "row", "column"]

        serializer = RackSerializer(data={"code": "x", "row": 1, "column": 2})
        with statements() as sent:
            assert serializer.is_valid()
        assert sent == []
        assert serializer.validators == []
        assert not [v for v in serializer.fields["code"].validators if hasattr(v, "queryset")]
        for bad in ("x" * 10, "no slug"):
            assert not RackSerializer(data={"code": bad, "row": 1, "column": 2}).is_valid()
        with pytest.raises(ValidationError) as refusal:
            raise _duplicate(Rack, ["row", "column"])
        assert refusal.value.get_codes() == {"non_field_errors": ["unique"]}
        assert "row and column" in str(refusal.value)


def _save(**data: Any) -> Shelf:
    serializer = ShelfNames(data=data)
    serializer.is_valid(raise_exception=True)
    return serializer.save()


def test_duplicate_is_a_validation_error(acme: Any) -> None:
    with tenant_context(acme):
        _save(name="Moon")
        with pytest.raises(ValidationError) as refusal:
            _save(name="Moon")
        assert refusal.value.get_codes() == {"name": ["unique"]}
        assert Shelf.objects.count() == 1


def test_other_violations_are_not_converted(acme: Any) -> None:
    with tenant_context(acme), pytest.raises(IntegrityError, match="sample_shelf_status_is_known"):
        ShelfNames()._write(lambda: Shelf.objects.create(name="x", status="lost"))


def test_connection_is_usable_after_a_duplicate(acme: Any) -> None:
    with tenant_context(acme):
        _save(name="Moon")
        with pytest.raises(ValidationError):
            _save(name="Moon")
    assert not any(connection.needs_rollback for connection in connections.all())
