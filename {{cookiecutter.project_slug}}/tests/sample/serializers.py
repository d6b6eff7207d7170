"""Serializers of the sample app."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.authentication.models import User
from apps.isolation import require_tenant
from apps.isolation.integrations.rest_framework import CurrentValueMixin, TenantModelSerializer
from tests.sample.models import Book, Scan, Shelf


class ReaderField(CurrentValueMixin, serializers.PrimaryKeyRelatedField[User]):
    """A member of the tenant, by id."""

    def get_queryset(self) -> Any:
        """Return the tenant's active members."""
        # every tenant: users are shared, and memberships assign them to tenants.
        return User.objects.filter(
            memberships__is_active=True, memberships__tenant_id=require_tenant().id
        )


class SampleShelfSerializer(TenantModelSerializer[Shelf]):
    """A shelf."""

    class Meta:
        model = Shelf
        fields = ["id", "name", "description", "status", "created_by", "created_at", "updated_at"]
        read_only_fields = ["created_by"]


class SampleBookSerializer(TenantModelSerializer[Book]):
    """A book."""

    reader = ReaderField(required=False, allow_null=True)

    class Meta:
        model = Book
        fields = ["id", "shelf", "original", "title", "status", "reader", "due_on", "created_by"]
        read_only_fields = ["created_by"]


@extend_schema_field(OpenApiTypes.BINARY)
class UploadField(serializers.FileField):
    """A file field with a correct OpenAPI type."""


class SampleScanSerializer(TenantModelSerializer[Scan]):
    """A scan. A separate route sends its file."""

    file = UploadField(write_only=True)

    class Meta:
        model = Scan
        fields = ["id", "book", "file", "name", "uploader", "created_at"]
        read_only_fields = ["book", "name", "uploader"]
