"""Bodies of the tenant's routes."""

from typing import Any

from rest_framework import serializers

from apps.audit.models import AuditEvent
from apps.tenants.models import INVITED_ROLES, Invitation, Membership, Tenant
from apps.tenants.roles import Role
from apps.tenants.settings import SETTINGS, Setting, TenantSettings


def _field(setting: Setting[Any]) -> serializers.Field[Any, Any, Any, Any]:
    options: dict[str, Any] = {"required": False, "validators": list(setting.validators)}
    if isinstance(setting.default, int):
        return serializers.IntegerField(**options)
    return serializers.CharField(max_length=100, allow_blank=not setting.default, **options)


class TenantSettingsSerializer(serializers.Serializer[Any]):
    """The settings that there are; others are refused."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Return a field for each setting."""
        return {setting.name: _field(setting) for setting in SETTINGS}

    def to_internal_value(self, data: Any) -> Any:
        """Return the values; raise ValidationError for a setting that there is not."""
        values = super().to_internal_value(data)
        if unknown := sorted(set(data) - set(self.fields)):
            message = "There is no such setting."
            raise serializers.ValidationError({name: [message] for name in unknown}, "unknown")
        return values

    def to_representation(self, instance: Tenant) -> dict[str, str | int]:
        """Return every setting, those that the tenant left alone too."""
        return TenantSettings(instance).all()


class TenantDetailSerializer(serializers.ModelSerializer[Tenant]):
    """A tenant, with its settings."""

    domain = serializers.CharField(source="primary_domain", read_only=True)
    settings = TenantSettingsSerializer(source="*", required=False)

    class Meta:
        model = Tenant
        fields = ["id", "slug", "name", "status", "domain", "settings"]
        read_only_fields = ["slug", "status"]


class MemberSerializer(serializers.ModelSerializer[Membership]):
    """A member, as other members see them."""

    email = serializers.EmailField(source="user.email", read_only=True)
    full_name = serializers.CharField(source="user.full_name", read_only=True)

    class Meta:
        model = Membership
        fields = ["id", "user", "email", "full_name", "role", "joined_at"]
        read_only_fields = fields


class RoleSerializer(serializers.Serializer[Any]):
    """A role for a member."""

    role = serializers.ChoiceField(choices=Role.choices)


class TransferSerializer(serializers.Serializer[Any]):
    """Who is to be the Owner."""

    member = serializers.UUIDField()


class InvitationSerializer(serializers.ModelSerializer[Invitation]):
    """An invitation. Its token is in the mail and nowhere else."""

    role = serializers.ChoiceField(choices=INVITED_ROLES, default=Role.MEMBER)

    class Meta:
        model = Invitation
        fields = ["id", "email", "role", "invited_by", "created_at", "expires_at"]
        read_only_fields = ["invited_by", "expires_at"]
        # Whether the address is free is asked while nobody else can take it.
        validators: list[Any] = []


class AcceptSerializer(serializers.Serializer[Any]):
    """A mailed token; a password of the user whose address it is, or for a new one."""

    token = serializers.CharField(max_length=100)
    password = serializers.CharField(required=False, trim_whitespace=False, max_length=1000)
    full_name = serializers.CharField(required=False, allow_blank=True, max_length=255)


class JoinedSerializer(serializers.ModelSerializer[Membership]):
    """Where somebody has become a member, and as what."""

    tenant = TenantDetailSerializer(read_only=True)

    class Meta:
        model = Membership
        fields = ["tenant", "role"]
        read_only_fields = fields


class AuditEventSerializer(serializers.ModelSerializer[AuditEvent]):
    """An event of the audit trail."""

    actor = serializers.UUIDField(source="actor_id", allow_null=True)
    changes = serializers.DictField(child=serializers.DictField(child=serializers.JSONField()))

    class Meta:
        model = AuditEvent
        fields = ["id", "time", "actor", "action", "object_type", "object_id"]
        fields += ["request_id", "reason", "changes"]
        read_only_fields = fields
