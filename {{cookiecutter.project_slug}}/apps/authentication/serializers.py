"""Bodies of the authentication routes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework_simplejwt.exceptions import InvalidToken, TokenError

from apps.audit.services import Action, record
from apps.authentication import access, services, tokens
from apps.authentication.backends import TenantJWTAuthentication
from apps.authentication.exceptions import (
    NoActiveAccount,
    TokenTenantMismatch,
)
from apps.authentication.models import User
from apps.authentication.second_factor import require_code
from apps.isolation.app_registry import SHARED_DB
from apps.memberships.models import Membership
from apps.memberships.validators import validate_mailable
from apps.tenants.exceptions import TenantNotFound
from apps.tenants.hosts import is_shared
from apps.tenants.models import Domain, Tenant
from apps.tenants.resolver import NONEXISTENT_ID, host_of, named_slug, tenant_of_slug, wanted_tenant
from apps.tenants.slugs import validate_slug

WHO = {"email", "password", "code", "full_name"}
"""Fields of the user at sign-up."""

SLUG_LENGTH = 63
TOKEN_LENGTH = 4096
"""Characters: far more than any token has, and far less than a body."""


class PasswordField(serializers.CharField):
    """A password, as it was typed."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(write_only=True, trim_whitespace=False, max_length=1024, **kwargs)


class CodeField(serializers.CharField):
    """A code of the second factor, by its app or one for recovery; empty for who has none."""

    def __init__(self) -> None:
        super().__init__(write_only=True, required=False, allow_blank=True, max_length=20)


class NewPairSerializer(serializers.Serializer[object]):
    """A pair of tokens out."""

    access = serializers.CharField(read_only=True)
    refresh = serializers.CharField(read_only=True)


class TokenPairSerializer(NewPairSerializer):
    """Credentials in, a pair of tokens out."""

    email = serializers.EmailField(write_only=True, max_length=254)
    password = PasswordField()
    code = CodeField()
    tenant = serializers.CharField(write_only=True, required=False, max_length=SLUG_LENGTH)

    def validate(self, attrs: dict[str, str]) -> dict[str, str]:
        """Return the tokens. Without the right password, every way to fail looks the same."""
        request = self.context["request"]
        tenant_id = wanted_tenant(request, attrs.get("tenant")) or NONEXISTENT_ID
        member = services.identify(request, attrs["email"], attrs["password"], tenant_id)
        request.auth = member
        require_code(request, member.user, attrs.get("code", ""), tenant=tenant_id)
        return token_pair(member)


class TokenRefreshSerializer(serializers.Serializer[object]):
    """A refresh token in, a new pair out; the old one is used up."""

    refresh = serializers.CharField(max_length=TOKEN_LENGTH)
    access = serializers.CharField(read_only=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, str]:
        """Return the new pair if the user may still act in the token's tenant."""
        try:
            old = tokens.TenantRefreshToken(attrs["refresh"])
            claims = tokens.claims_of(old)
            _require_in_its_place(self.context["request"], claims.tenant_id)
            membership = self.context["request"].auth = access.admit_token(claims)
            old.require_young(membership.tenant)
            old.blacklist()
        except tokens.TokenUsedUp as error:
            tokens.EndingToken(attrs["refresh"]).end_family(Action.TOKEN_REUSED)
            raise InvalidToken(str(error)) from error
        except TokenError as error:
            raise InvalidToken(str(error)) from error
        return token_pair(membership, claims.family)


class TokenVerifySerializer(serializers.Serializer[object]):
    """A token in, nothing out if it is good."""

    token = serializers.CharField(write_only=True, max_length=TOKEN_LENGTH)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Raise unless the token is valid here, now and for its user."""
        try:
            token = tokens.AnyToken(attrs["token"])
            is_refresh = token.get("token_type") == tokens.TenantRefreshToken.token_type
            refresh = tokens.TenantRefreshToken(attrs["token"]) if is_refresh else None
            claims = tokens.claims_of(token)
            _require_in_its_place(self.context["request"], claims.tenant_id)
            member = self.context["request"].auth = access.admit_token(claims)
            if refresh:
                refresh.require_young(member.tenant)
        except TokenError as error:
            raise InvalidToken(str(error)) from error
        return {}


class LogoutSerializer(serializers.Serializer[object]):
    """A refresh token in; the log-in that it comes from is over."""

    refresh = serializers.CharField(write_only=True, max_length=TOKEN_LENGTH)

    def validate_refresh(self, raw: str) -> tokens.EndingToken:
        """Return the token if it is genuine and in its place; it may be used up."""
        try:
            token = tokens.EndingToken(raw)  # type: ignore[arg-type] # as simplejwt calls it
            _require_in_its_place(self.context["request"], tokens.claims_of(token).tenant_id)
        except TokenError as error:
            raise InvalidToken(str(error)) from error
        self.context["request"].auth = token
        return token

    def save(self, **kwargs: object) -> None:
        """End the log-in."""
        self.validated_data["refresh"].end_family(Action.LOGGED_OUT)


class SwitchSerializer(NewPairSerializer):
    """Another of the user's tenants in, a pair of tokens for it out."""

    tenant = serializers.CharField(write_only=True, max_length=SLUG_LENGTH)

    def validate(self, attrs: dict[str, str]) -> dict[str, str]:
        """Return the tokens; they belong to the log-in that is asking, and end with it."""
        request = self.context["request"]
        tenant_id = tenant_of_slug(attrs["tenant"]) or NONEXISTENT_ID
        try:
            membership = access.admit(request.user.pk, tenant_id)
        except NoActiveAccount:
            raise TenantNotFound from None
        with transaction.atomic(using=SHARED_DB):
            record(Action.TENANT_SWITCHED, tenant=tenant_id, actor=membership.user)
        claims = TenantJWTAuthentication().claims(request)
        return token_pair(membership, claims.family if claims else "")


class EmailSerializer(serializers.Serializer[object]):
    """An address to which something is sent, if it is somebody's."""

    email = serializers.EmailField(write_only=True, max_length=254, validators=[validate_mailable])

    def validate_email(self, email: str) -> str:
        """Return the address in the form in which it is stored."""
        return User.objects.normalize_email(email)


class SendVerificationSerializer(EmailSerializer):
    """An address in, a mail to it out."""

    def save(self, **kwargs: object) -> None:
        """Send it."""
        services.send_verification(self.context["request"], self.validated_data["email"])


class SendPasswordResetSerializer(EmailSerializer):
    """An address in, a mail to it out."""

    def save(self, **kwargs: object) -> None:
        """Send it."""
        services.send_password_reset(self.context["request"], self.validated_data["email"])


class VerifyEmailSerializer(serializers.Serializer[object]):
    """The token of a mail in; the address is verified."""

    token = serializers.CharField(write_only=True, max_length=TOKEN_LENGTH)

    def save(self, **kwargs: object) -> None:
        """Verify the address."""
        with field_errors():
            services.verify_email(self.context["request"], self.validated_data["token"])


class ResetPasswordSerializer(serializers.Serializer[object]):
    """The token of a mail and a new password in."""

    token = serializers.CharField(write_only=True, max_length=TOKEN_LENGTH)
    password = PasswordField()

    def save(self, **kwargs: object) -> None:
        """Set the password."""
        with field_errors():
            services.reset_password(self.context["request"], **self.validated_data)


class OwnPasswordSerializer(serializers.Serializer[object]):
    """The password in: it is the user, and not whoever found the browser open."""

    current_password = PasswordField()

    def validate_current_password(self, password: str) -> str:
        """Refuse another one."""
        services.require_own_password(self.context["request"], password)
        return password


class ChangePasswordSerializer(OwnPasswordSerializer, NewPairSerializer):
    """The old password and a new one in, a pair of tokens out; all older ones have ended."""

    new_password = PasswordField()

    def validate(self, attrs: dict[str, str]) -> dict[str, str]:
        """Return the tokens."""
        membership = self.context["request"].auth
        with field_errors():
            services.change_password(membership, attrs["new_password"])
        return token_pair(membership)


class UserSerializer(serializers.ModelSerializer[User]):
    """A user, as they see themselves."""

    class Meta:
        model = User
        fields = ["id", "email", "full_name"]
        read_only_fields = ["email"]

    def update(self, instance: User, validated_data: dict[str, str]) -> User:
        """Change the user."""
        full_name = validated_data.get("full_name", instance.full_name)
        return services.update_user(instance, full_name=full_name)


class TenantSerializer(serializers.ModelSerializer[Tenant]):
    """A tenant, as its members see it."""

    class Meta:
        model = Tenant
        fields = ["id", "slug", "name", "status"]
        read_only_fields = fields


class NewTenantSerializer(TenantSerializer):
    """A tenant, as its founder first sees it."""

    domain = serializers.SerializerMethodField()

    class Meta(TenantSerializer.Meta):
        fields = [*TenantSerializer.Meta.fields, "domain"]
        read_only_fields = fields

    def get_domain(self, tenant: Tenant) -> str:
        """Return the host name at which the tenant is reached."""
        return str(Domain.objects.for_tenant(tenant).get(is_primary=True))


class SignUpSerializer(EmailSerializer, NewPairSerializer):
    """A person and a tenant in; the tenant, ready, and its owner's tokens out."""

    password = PasswordField()
    code = CodeField()
    full_name = serializers.CharField(
        write_only=True, required=False, allow_blank=True, max_length=255
    )
    tenant_name = serializers.CharField(write_only=True, max_length=255)
    tenant_slug = serializers.CharField(
        write_only=True, max_length=SLUG_LENGTH, validators=[validate_slug]
    )
    tenant = NewTenantSerializer(read_only=True)

    def validate(self, attrs: dict[str, str]) -> dict[str, object]:
        """Find or make the user, without a row yet; who has an account proves that it is theirs."""
        who = {name: attrs[name] for name in WHO & attrs.keys()}
        with field_errors():
            user = services.new_or_known_user(self.context["request"], **who)
        return {**attrs, "user": user}

    def save(self, **kwargs: object) -> dict[str, object]:
        """Make everything, and return the answer."""
        data = self.validated_data
        with field_errors():
            membership = services.sign_up(
                data["user"], tenant_name=data["tenant_name"], tenant_slug=data["tenant_slug"]
            )
        tenant = NewTenantSerializer(membership.tenant).data
        return {"tenant": tenant, **token_pair(membership)}


class MembershipSerializer(serializers.ModelSerializer[Membership]):
    """One of the places where a user belongs."""

    tenant = TenantSerializer(read_only=True)

    class Meta:
        model = Membership
        fields = ["tenant", "role"]
        read_only_fields = fields


class MeSerializer(serializers.Serializer[object]):
    """The user, their tenant and role, and their other memberships."""

    user = UserSerializer(read_only=True)
    tenant = TenantSerializer(read_only=True)
    role = serializers.CharField(read_only=True)
    memberships = MembershipSerializer(many=True, read_only=True)


def token_pair(membership: Membership, family: str = "") -> dict[str, str]:
    """Return new tokens for a member, of a log-in that goes on or else of a new one."""
    refresh = tokens.TenantRefreshToken.for_membership(membership, family)
    return {"access": str(refresh.access_token), "refresh": str(refresh)}


@contextmanager
def field_errors() -> Iterator[None]:
    """Answer what a service refuses as errors of the body's fields."""
    try:
        yield
    except ValidationError as error:
        raise serializers.ValidationError(error.message_dict) from error


def _require_in_its_place(request: Request, tenant_id: UUID) -> None:
    """Raise `TokenTenantMismatch` if host or header name another tenant than the token does."""
    if not is_shared(host_of(request)):
        # A header that differs from the host did not get here.
        access.require_same_tenant(tenant_id)
        return
    slug = named_slug(request)
    if slug is not None and tenant_of_slug(slug) != tenant_id:
        raise TokenTenantMismatch
