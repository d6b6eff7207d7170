"""Serializers of the current user: their own data, and their memberships."""

from typing import Any

from rest_framework import serializers

from apps.authentication import services
from apps.authentication.models import User
from apps.authentication.serializers import TenantSerializer
from apps.memberships.models import Membership
from apps.profiles.serializers import ProfileSerializer
from apps.profiles.services import update_profile


class UserSerializer(serializers.ModelSerializer[User]):
    """The user's own data."""

    class Meta:
        model = User
        fields = ["id", "email", "full_name"]
        read_only_fields = ["email"]

    def update(self, instance: User, validated_data: dict[str, str]) -> User:
        """Change the user."""
        full_name = validated_data.get("full_name", instance.full_name)
        return services.update_user(instance, full_name=full_name)


class OwnDataSerializer(UserSerializer):
    """Input: the user's own data, and their profile in the tenant."""

    profile = ProfileSerializer(required=False)

    class Meta(UserSerializer.Meta):
        fields = [*UserSerializer.Meta.fields, "profile"]

    def update(self, instance: User, validated_data: dict[str, Any]) -> User:
        """Change the profile, then the user; a profile in another database is stored alone."""
        if profile := validated_data.pop("profile", None):
            update_profile(instance.pk, **profile)
        return super().update(instance, validated_data)


class MembershipSerializer(serializers.ModelSerializer[Membership]):
    """One membership of the user."""

    tenant = TenantSerializer(read_only=True)

    class Meta:
        model = Membership
        fields = ["tenant", "role"]
        read_only_fields = fields


class MeSerializer(serializers.Serializer[object]):
    """The user, their tenant, role and profile in it, and all their memberships."""

    user = UserSerializer(read_only=True)
    tenant = TenantSerializer(read_only=True)
    role = serializers.CharField(read_only=True)
    profile = ProfileSerializer(read_only=True)
    memberships = MembershipSerializer(many=True, read_only=True)
