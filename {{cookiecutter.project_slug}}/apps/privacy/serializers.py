"""Serializers of privacy requests."""

from rest_framework import serializers

from apps.privacy.models import PrivacyRequest


class PrivacyRequestSerializer(serializers.ModelSerializer[PrivacyRequest]):
    """A request; without ``user`` it concerns the sender."""

    user = serializers.UUIDField(source="user_id", required=False)

    class Meta:
        model = PrivacyRequest
        fields = ["id", "kind", "user", "status", "due_on", "created_at", "completed_at"]
        read_only_fields = ["status", "due_on", "completed_at"]
