"""Bodies of the product's routes."""

from typing import Any

from rest_framework import serializers

from apps.authentication.models import User
from apps.isolation import TenantModelSerializer, require_tenant
from apps.projects.models import Project, Task


class MemberField(serializers.PrimaryKeyRelatedField[User]):
    """A user by id, who must be an active member of the tenant."""

    def get_queryset(self) -> Any:
        """Return the tenant's active members."""
        # every tenant: users are in many, and their memberships say in which.
        return User.objects.filter(
            is_active=True,
            memberships__is_active=True,
            memberships__tenant_id=require_tenant().id,
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
        fields = [
            "id",
            "project",
            "title",
            "status",
            "assignee",
            "due_on",
            "position",
            "created_by",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["created_by"]
