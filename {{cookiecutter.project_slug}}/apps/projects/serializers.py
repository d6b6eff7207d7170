"""Bodies of the product's routes."""

from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.authentication.models import User
from apps.isolation import require_tenant
from apps.isolation.integrations.rest_framework import TenantModelSerializer
from apps.projects.attachments import FileTooLarge, attach
from apps.projects.models import Attachment, Project, Task


class MemberField(serializers.PrimaryKeyRelatedField[User]):
    """A user by id, who must be an active member of the tenant."""

    def get_queryset(self) -> Any:
        """Return the tenant's active members."""
        # every tenant: users are in many, and their memberships say in which.
        return User.objects.filter(
            is_active=True, memberships__is_active=True, memberships__tenant_id=require_tenant().id
        )


class CreatorMixin(TenantModelSerializer[Any]):
    """Notes who made a row."""

    def create(self, validated_data: dict[str, Any]) -> Any:
        """Insert the row as the request's user."""
        return super().create({**validated_data, "created_by": self.context["request"].user})


class ProjectSerializer(CreatorMixin):
    """A project."""

    class Meta:
        model = Project
        fields = ["id", "name", "description", "status", "created_by", "created_at", "updated_at"]
        read_only_fields = ["created_by"]


class TaskSerializer(CreatorMixin):
    """A task."""

    assignee = MemberField(required=False, allow_null=True)

    class Meta:
        model = Task
        fields = ["id", "project", "title", "status", "assignee", "due_on", "position"]
        fields += ["created_by", "created_at", "updated_at"]
        read_only_fields = ["created_by"]


@extend_schema_field(OpenApiTypes.BINARY)
class UploadField(serializers.FileField):
    """A file, described as one."""


class AttachmentSerializer(TenantModelSerializer[Attachment]):
    """An attachment: its file comes in here, and goes out by a route of its own."""

    file = UploadField(write_only=True)

    class Meta:
        model = Attachment
        fields = ["id", "task", "file", "name", "content_type", "size", "uploader", "created_at"]
        read_only_fields = ["task", "name", "content_type", "size", "uploader"]

    def validate_file(self, file: UploadedFile[Any]) -> UploadedFile[Any]:
        """Raise `FileTooLarge` for a file that is."""
        if (file.size or 0) > settings.ATTACHMENT_MAX_BYTES:
            raise FileTooLarge
        return file

    def create(self, validated_data: dict[str, Any]) -> Attachment:
        """Store the file and its row."""
        return attach(validated_data["task"], validated_data["file"], self.context["request"].user)
