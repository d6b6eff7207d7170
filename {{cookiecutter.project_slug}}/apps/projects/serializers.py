"""Serializers of the product."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.authentication.models import User
from apps.isolation.integrations.rest_framework import CurrentValueMixin, TenantModelSerializer
from apps.projects import selectors, services
from apps.projects.models import Attachment, Project, Task


class MemberField(CurrentValueMixin, serializers.PrimaryKeyRelatedField[User]):
    """A user by id, who must be an active member of the tenant."""

    def get_queryset(self) -> QuerySet[User]:
        """Return the users whose ids are accepted."""
        return selectors.assignable_users()


class ProjectSerializer(TenantModelSerializer[Project]):
    """A project."""

    class Meta:
        model = Project
        fields = ["id", "name", "description", "status", "created_by", "created_at", "updated_at"]
        read_only_fields = ["created_by"]

    def create(self, validated_data: services.ProjectFields) -> Project:
        """Create the project as the request's user."""
        return services.create_project(self.context["request"].user, **validated_data)

    def update(self, instance: Project, validated_data: services.ProjectFields) -> Project:
        """Change the project."""
        return services.update_project(instance, **validated_data)


class TaskSerializer(TenantModelSerializer[Task]):
    """A task."""

    assignee = MemberField(required=False, allow_null=True)

    class Meta:
        model = Task
        fields = ["id", "project", "title", "status", "assignee", "due_on", "position"]
        fields += ["created_by", "created_at", "updated_at"]
        read_only_fields = ["created_by"]

    def create(self, validated_data: services.TaskFields) -> Task:
        """Create the task as the request's user."""
        return services.create_task(self.context["request"].user, **validated_data)

    def update(self, instance: Task, validated_data: services.TaskFields) -> Task:
        """Change the task."""
        return services.update_task(instance, **validated_data)


@extend_schema_field(OpenApiTypes.BINARY)
class UploadField(serializers.FileField):
    """A file field that OpenAPI describes as binary."""


class AttachmentSerializer(TenantModelSerializer[Attachment]):
    """An attachment. The file is write-only; a separate route sends it."""

    file = UploadField(write_only=True)

    class Meta:
        model = Attachment
        fields = ["id", "task", "file", "name", "content_type", "size", "uploader", "created_at"]
        read_only_fields = ["task", "name", "content_type", "size", "uploader"]

    def create(self, validated_data: Any) -> Attachment:
        """Store the file and its row."""
        task, file = validated_data["task"], validated_data["file"]
        return services.attach(task, file, self.context["request"].user)
