"""Serializers of exports."""

from rest_framework import serializers

from apps.exports.models import TenantExport


class TenantExportSerializer(serializers.ModelSerializer[TenantExport]):
    """Output: an export, and the size of its archive in bytes."""

    class Meta:
        model = TenantExport
        fields = ["id", "status", "created_at", "completed_at", "size"]
        read_only_fields = fields
