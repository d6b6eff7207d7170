"""Serializers of profiles."""

from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.isolation.integrations.rest_framework import TenantModelSerializer
from apps.profiles.models import Profile


class ProfileSerializer(TenantModelSerializer[Profile]):
    """The data of a user in the tenant."""

    photo = serializers.SerializerMethodField()

    class Meta:
        model = Profile
        fields = ["display_name", "title", "photo"]

    def get_photo(self, profile: Profile) -> str | None:
        """Return the path of the photo, which changes with it; null without a photo."""
        if not profile.photo:
            return None
        return f"{reverse('profile-photo', args=[profile.user_id])}?v={profile.photo_version}"


@extend_schema_field(OpenApiTypes.BINARY)
class _PhotoField(serializers.FileField):
    """A file field that OpenAPI describes as binary."""


class PhotoSerializer(serializers.Serializer[object]):
    """Input: a picture."""

    photo = _PhotoField(write_only=True, allow_empty_file=True)
