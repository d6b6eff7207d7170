"""Bodies of the authentication routes."""

from typing import Any
from uuid import UUID

from django.contrib.auth import authenticate
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework_simplejwt.exceptions import InvalidToken, TokenError
from rest_framework_simplejwt.tokens import UntypedToken

from apps.authentication.access import TokenTenantMismatch, admit, require_same_tenant
from apps.authentication.models import User
from apps.authentication.tokens import TenantRefreshToken, tenant_of, user_id_of
from apps.isolation import require_tenant
from apps.tenants.hosts import is_shared
from apps.tenants.models import Membership, Tenant
from apps.tenants.resolver import host_of, named_slug, tenant_of_slug

NOBODY = UUID(int=0)


class TokenPairSerializer(serializers.Serializer[Any]):
    """Credentials in, a pair of tokens out."""

    email = serializers.EmailField(write_only=True)
    password = serializers.CharField(write_only=True, trim_whitespace=False)
    tenant = serializers.CharField(write_only=True, required=False)
    access = serializers.CharField(read_only=True)
    refresh = serializers.CharField(read_only=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, str]:
        """Return the tokens; every way to fail gives the same error, after the same work."""
        tenant_id = _wanted_tenant(self.context["request"], attrs.get("tenant"))
        user = authenticate(
            self.context["request"],
            email=User.objects.normalize_email(attrs["email"]),
            password=attrs["password"],
        )
        membership = admit(user.pk if user else NOBODY, tenant_id)
        refresh = TenantRefreshToken.for_membership(membership)
        return {"access": str(refresh.access_token), "refresh": str(refresh)}


class TokenRefreshSerializer(serializers.Serializer[Any]):
    """A refresh token in, a new pair out; the old one is used up."""

    refresh = serializers.CharField()
    access = serializers.CharField(read_only=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, str]:
        """Return the new pair if the bearer may still act in the token's tenant."""
        try:
            old = TenantRefreshToken(attrs["refresh"])
            tenant_id, user_id = tenant_of(old), user_id_of(old)
            _require_in_its_place(self.context["request"], tenant_id)
            membership = admit(user_id, tenant_id)
            old.blacklist()
        except TokenError as error:
            raise InvalidToken(str(error)) from error
        new = TenantRefreshToken.for_membership(membership)
        return {"access": str(new.access_token), "refresh": str(new)}


class TokenVerifySerializer(serializers.Serializer[Any]):
    """A token in, nothing out if it is good."""

    token = serializers.CharField(write_only=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Raise unless the token is valid here, now and for its bearer."""
        try:
            token = UntypedToken(attrs["token"])
            if token.get("token_type") == TenantRefreshToken.token_type:
                TenantRefreshToken(attrs["token"])  # asks the blacklist too
            tenant_id, user_id = tenant_of(token), user_id_of(token)
        except TokenError as error:
            raise InvalidToken(str(error)) from error
        _require_in_its_place(self.context["request"], tenant_id)
        admit(user_id, tenant_id)
        return {}


class UserSerializer(serializers.ModelSerializer[User]):
    """A user, as they see themselves."""

    class Meta:
        model = User
        fields = ["id", "email", "full_name"]
        read_only_fields = fields


class TenantSerializer(serializers.ModelSerializer[Tenant]):
    """A tenant, as its members see it."""

    class Meta:
        model = Tenant
        fields = ["id", "slug", "name", "status"]
        read_only_fields = fields


class MembershipSerializer(serializers.ModelSerializer[Membership]):
    """One of the places where a user belongs."""

    tenant = TenantSerializer(read_only=True)

    class Meta:
        model = Membership
        fields = ["tenant", "role"]
        read_only_fields = fields


class MeSerializer(serializers.Serializer[Any]):
    """Who is asking, where, as what, and where else they belong."""

    user = UserSerializer(read_only=True)
    tenant = TenantSerializer(read_only=True)
    role = serializers.CharField(read_only=True)
    memberships = MembershipSerializer(many=True, read_only=True)


def _wanted_tenant(request: Request, slug: str | None) -> UUID:
    """Return the tenant to log in to: the one that host, header and body name, if they agree."""
    slugs = [each for each in (slug, named_slug(request)) if each is not None]
    wanted = {tenant_of_slug(each) for each in slugs}
    if not is_shared(host_of(request)):
        wanted.add(require_tenant().id)
    tenant_id = wanted.pop() if len(wanted) == 1 else None
    return tenant_id or NOBODY


def _require_in_its_place(request: Request, tenant_id: UUID) -> None:
    """Raise `TokenTenantMismatch` if host or header name another tenant than the token does."""
    if not is_shared(host_of(request)):
        require_same_tenant(tenant_id)  # a header that differs from the host did not get here
        return
    slug = named_slug(request)
    if slug is not None and tenant_of_slug(slug) != tenant_id:
        raise TokenTenantMismatch
