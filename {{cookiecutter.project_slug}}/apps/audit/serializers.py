"""Serializers of audit events."""

from rest_framework import serializers

from apps.audit.models import AuditEvent


class AuditEventSerializer(serializers.ModelSerializer[AuditEvent]):
    """An audit event."""

    actor = serializers.UUIDField(source="actor_id", allow_null=True)
    changes = serializers.DictField(child=serializers.DictField(child=serializers.JSONField()))

    class Meta:
        model = AuditEvent
        fields = ["id", "time", "actor", "action", "object_type", "object_id"]
        fields += ["request_id", "reason", "changes"]
        read_only_fields = fields
