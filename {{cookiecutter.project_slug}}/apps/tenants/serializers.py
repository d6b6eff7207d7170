"""Serializers of a tenant and its settings."""

from typing import Any

from rest_framework import serializers

from apps.tenants.models import Tenant
from apps.tenants.settings import SETTINGS, Setting, TenantSettings


def _field(
    setting: Setting[str] | Setting[int],
) -> serializers.IntegerField | serializers.CharField:
    validators = list(setting.validators)
    if isinstance(setting.default, int):
        return serializers.IntegerField(required=False, validators=validators)
    return serializers.CharField(
        max_length=100, allow_blank=not setting.default, required=False, validators=validators
    )


class TenantSettingsSerializer(serializers.Serializer[Tenant]):
    """The known settings; others are refused."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Return a field for each setting."""
        return {setting.name: _field(setting) for setting in SETTINGS}

    def to_internal_value(self, data: dict[str, object]) -> dict[str, object]:
        """Return the values; raise ValidationError for an unknown setting."""
        values: dict[str, object] = super().to_internal_value(data)
        if unknown := sorted(set(data) - set(self.fields)):
            message = "There is no such setting."
            raise serializers.ValidationError({name: [message] for name in unknown}, "unknown")
        return values

    def to_representation(self, instance: Tenant) -> dict[str, str | int]:
        """Return every setting, including unset ones."""
        return TenantSettings(instance).all()


class TenantDetailSerializer(serializers.ModelSerializer[Tenant]):
    """A tenant, with its settings."""

    domain = serializers.CharField(source="primary_domain", read_only=True)
    settings = TenantSettingsSerializer(source="*", required=False)

    class Meta:
        model = Tenant
        fields = ["id", "slug", "name", "status", "domain", "settings"]
        read_only_fields = ["slug", "status"]
