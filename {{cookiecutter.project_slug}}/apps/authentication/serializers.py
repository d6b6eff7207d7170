"""Serializers of the authentication routes."""

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
from apps.authentication.sign_up import sign_up_and_wait
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
"""Maximum characters of a token, far more than any token has."""


class PasswordField(serializers.CharField):
    """A password, without trimming."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(write_only=True, trim_whitespace=False, max_length=1024, **kwargs)


class CodeField(serializers.CharField):
    """A code of the second factor, from the app or for recovery; empty without a factor."""

    def __init__(self) -> None:
        super().__init__(write_only=True, required=False, allow_blank=True, max_length=20)


class NewPairSerializer(serializers.Serializer[object]):
    """Output: a pair of tokens."""

    access = serializers.CharField(read_only=True)
    refresh = serializers.CharField(read_only=True)


class TokenPairSerializer(NewPairSerializer):
    """Input: credentials. Output: a pair of tokens."""

    email = serializers.EmailField(write_only=True, max_length=254)
    password = PasswordField()
    code = CodeField()
    tenant = serializers.CharField(write_only=True, required=False, max_length=SLUG_LENGTH)

    def validate(self, attrs: dict[str, str]) -> dict[str, str]:
        """Return the tokens. Without the correct password, all failures give the same answer."""
        request = self.context["request"]
        tenant_id = wanted_tenant(request, attrs.get("tenant")) or NONEXISTENT_ID
        member = services.identify(request, attrs["email"], attrs["password"], tenant_id)
        request.auth = member
        require_code(request, member.user, attrs.get("code", ""), tenant=tenant_id)
        return token_pair(member)


class TokenRefreshSerializer(serializers.Serializer[object]):
    """Input: a refresh token, which is used up. Output: a new pair of tokens."""

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
    """Input: a token. Output: nothing, if the token is valid."""

    token = serializers.CharField(write_only=True, max_length=TOKEN_LENGTH)

    def validate(self, attrs: dict[str, Any]) -> dict[str, object]:
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
    """Input: a refresh token, whose log-in ends."""

    refresh = serializers.CharField(write_only=True, max_length=TOKEN_LENGTH)

    def validate_refresh(self, raw: str) -> tokens.EndingToken:
        """Return the token if it is genuine and for this tenant; it may be used up."""
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
    """Input: another tenant of the user. Output: a pair of tokens for it."""

    tenant = serializers.CharField(write_only=True, max_length=SLUG_LENGTH)

    def validate(self, attrs: dict[str, str]) -> dict[str, str]:
        """Return the tokens; they belong to the request's log-in, and end with it."""
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
    """Input: an address, to which a mail is sent."""

    email = serializers.EmailField(write_only=True, max_length=254, validators=[validate_mailable])

    def validate_email(self, email: str) -> str:
        """Return the address in stored form."""
        return User.objects.normalize_email(email)


class SendVerificationSerializer(EmailSerializer):
    """Input: an address. A mail is sent to it."""

    def save(self, **kwargs: object) -> None:
        """Send it."""
        services.send_verification(self.context["request"], self.validated_data["email"])


class SendPasswordResetSerializer(EmailSerializer):
    """Input: an address. A mail is sent to it."""

    def save(self, **kwargs: object) -> None:
        """Send it."""
        services.send_password_reset(self.context["request"], self.validated_data["email"])


class VerifyEmailSerializer(serializers.Serializer[object]):
    """Input: a mailed token, which verifies the address."""

    token = serializers.CharField(write_only=True, max_length=TOKEN_LENGTH)

    def save(self, **kwargs: object) -> None:
        """Verify the address."""
        with field_errors():
            services.verify_email(self.context["request"], self.validated_data["token"])


class ResetPasswordSerializer(serializers.Serializer[object]):
    """Input: a mailed token and a new password."""

    token = serializers.CharField(write_only=True, max_length=TOKEN_LENGTH)
    password = PasswordField()

    def save(self, **kwargs: object) -> None:
        """Set the password."""
        with field_errors():
            services.reset_password(self.context["request"], **self.validated_data)


class OwnPasswordSerializer(serializers.Serializer[object]):
    """Input: the user's password, so that nobody else can use an open log-in."""

    current_password = PasswordField()

    def validate_current_password(self, password: str) -> str:
        """Refuse an incorrect password."""
        services.require_own_password(self.context["request"], password)
        return password


class ChangePasswordSerializer(OwnPasswordSerializer, NewPairSerializer):
    """Input: the old and a new password. Output: a pair of tokens; all older ones end."""

    new_password = PasswordField()

    def validate(self, attrs: dict[str, str]) -> dict[str, str]:
        """Return the tokens."""
        membership = self.context["request"].auth
        with field_errors():
            services.change_password(membership, attrs["new_password"])
        return token_pair(membership)


class TenantSerializer(serializers.ModelSerializer[Tenant]):
    """A tenant, for its members."""

    class Meta:
        model = Tenant
        fields = ["id", "slug", "name", "status"]
        read_only_fields = fields


class NewTenantSerializer(TenantSerializer):
    """A new tenant, for its founder."""

    domain = serializers.SerializerMethodField()

    class Meta(TenantSerializer.Meta):
        fields = [*TenantSerializer.Meta.fields, "domain"]
        read_only_fields = fields

    def get_domain(self, tenant: Tenant) -> str:
        """Return the tenant's host name."""
        return str(Domain.objects.for_tenant(tenant).get(is_primary=True))


class SignUpSerializer(EmailSerializer, NewPairSerializer):
    """Input: a person and a tenant. Output: the tenant, ready, and its Owner's tokens."""

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
        """Return the user, new and unsaved or existing; an existing user must authenticate."""
        who = {name: attrs[name] for name in WHO & attrs.keys()}
        with field_errors():
            user = services.new_or_known_user(self.context["request"], **who)
        return {**attrs, "user": user}

    def save(self, **kwargs: object) -> dict[str, object]:
        """Create the user and the tenant, and return the response."""
        data = self.validated_data
        with field_errors():
            membership = sign_up_and_wait(
                data["user"], tenant_name=data["tenant_name"], tenant_slug=data["tenant_slug"]
            )
        tenant = NewTenantSerializer(membership.tenant).data
        return {"tenant": tenant, **token_pair(membership)}


def token_pair(membership: Membership, family: str = "") -> dict[str, str]:
    """Return new tokens for a member, of an existing log-in or a new one."""
    refresh = tokens.TenantRefreshToken.for_membership(membership, family)
    return {"access": str(refresh.access_token), "refresh": str(refresh)}


@contextmanager
def field_errors() -> Iterator[None]:
    """Turn errors of a service into errors of the body's fields."""
    try:
        yield
    except ValidationError as error:
        raise serializers.ValidationError(error.message_dict) from error


def _require_in_its_place(request: Request, tenant_id: UUID) -> None:
    """Raise `TokenTenantMismatch` if host or header name another tenant than the token."""
    if not is_shared(host_of(request)):
        # The middleware has refused a header that differs from the host.
        access.require_same_tenant(tenant_id)
        return
    slug = named_slug(request)
    if slug is not None and tenant_of_slug(slug) != tenant_id:
        raise TokenTenantMismatch
