"""Serializers of members and invitations."""

from rest_framework import serializers

from apps.memberships.models import Invitation, Membership
from apps.memberships.roles import INVITED_ROLES, Role
from apps.profiles.serializers import ProfileSerializer
from apps.tenants.serializers import TenantDetailSerializer


class MemberSerializer(serializers.ModelSerializer[Membership]):
    """A member, as other members see them."""

    email = serializers.EmailField(source="user.email", read_only=True)
    full_name = serializers.CharField(source="user.full_name", read_only=True)
    profile = ProfileSerializer(read_only=True)

    class Meta:
        model = Membership
        fields = ["id", "user", "email", "full_name", "profile", "role", "joined_at"]
        read_only_fields = fields


class RoleSerializer(serializers.Serializer[object]):
    """A role for a member."""

    role = serializers.ChoiceField(choices=Role.choices)


class TransferSerializer(serializers.Serializer[object]):
    """The member who becomes the Owner."""

    member = serializers.UUIDField()


class InvitationSerializer(serializers.ModelSerializer[Invitation]):
    """An invitation, without its token, which only the mail contains."""

    role = serializers.ChoiceField(choices=INVITED_ROLES, default=Role.MEMBER)

    class Meta:
        model = Invitation
        fields = ["id", "email", "role", "invited_by", "created_at", "expires_at"]
        read_only_fields = ["invited_by", "expires_at"]
        # The service checks under a lock whether the address is already invited.
        validators: list[object] = []


class AcceptSerializer(serializers.Serializer[object]):
    """A mailed token, and the password of the invited user, existing or new."""

    token = serializers.CharField(max_length=100)
    password = serializers.CharField(required=False, trim_whitespace=False, max_length=1000)
    full_name = serializers.CharField(required=False, allow_blank=True, max_length=255)


class JoinedSerializer(serializers.ModelSerializer[Membership]):
    """The tenant and the role of a new membership."""

    tenant = TenantDetailSerializer(read_only=True)

    class Meta:
        model = Membership
        fields = ["tenant", "role"]
        read_only_fields = fields
