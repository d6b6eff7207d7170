"""Tokens: who the bearer is, and for which tenant. Never what they may do."""

from typing import Any, Self, cast
from uuid import UUID

from rest_framework import HTTP_HEADER_ENCODING
from rest_framework.exceptions import AuthenticationFailed
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token

from apps.tenants.models import Membership

CLAIM = "tenant"
"""Name of the claim that holds the tenant's id."""


class TenantRefreshToken(RefreshToken):
    """A refresh token that names a tenant and may be used once."""

    @classmethod
    def for_membership(cls, membership: Membership) -> Self:
        """Return a new token for a member; its access token names the same tenant."""
        token = cast("Self", cls.for_user(membership.user))
        token[CLAIM] = str(membership.tenant_id)
        return token

    def check_blacklist(self) -> None:
        """Raise TokenError for a token that is used up, or has no id to tell by."""
        if api_settings.JTI_CLAIM not in self.payload:
            raise TokenError("Token has no id")
        super().check_blacklist()

    def blacklist(self) -> Any:
        """Use the token up; raise TokenError if another request was faster."""
        result: Any = super().blacklist()
        _, created = result
        if not created:
            raise TokenError("Token is blacklisted")
        return result


def tenant_of(token: Token) -> UUID:
    """Return the tenant that a verified token names; raise TokenError if it names none."""
    try:
        return UUID(str(token[CLAIM]))
    except (KeyError, ValueError):
        raise TokenError("Token names no tenant") from None


def user_id_of(token: Token) -> UUID:
    """Return the user that a verified token names; raise TokenError if it names none."""
    try:
        return UUID(str(token[str(api_settings.USER_ID_CLAIM)]))
    except (KeyError, ValueError):
        raise TokenError("Token names no user") from None


def verified_access_token(header: str) -> AccessToken | None:
    """Return the token of an Authorization header if it is one and is valid, else None."""
    try:
        # By the rules of the authentication: what only one of the two took for a token would be
        # authorised outside its tenant, or choose a tenant for nobody.
        raw = JWTAuthentication().get_raw_token(header.encode(HTTP_HEADER_ENCODING))
        return AccessToken(raw) if raw else None  # type: ignore[arg-type] # as simplejwt calls it
    except (AuthenticationFailed, TokenError):
        return None
