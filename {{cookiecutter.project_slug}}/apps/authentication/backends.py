"""Authentication of API requests."""

from typing import Any

from django.http import HttpRequest
from drf_spectacular.contrib.rest_framework_simplejwt import SimpleJWTScheme
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import InvalidToken, TokenError

from apps.authentication import access
from apps.authentication.exceptions import NoActiveAccount
from apps.authentication.tokens import Claims, claims_of
from apps.isolation import current_tenant
from apps.memberships.models import Membership
from apps.tenants.exceptions import TenantNotFound
from apps.tenants.hosts import is_shared
from apps.tenants.middleware import activate_locale
from apps.tenants.resolver import host_of

SCHEME = b"Bearer"

CLAIMS = "token_claims"
"""Attribute of a request for the claims of its token, after they have been read."""


class TenantJWTAuthentication(JWTAuthentication):
    """Authentication by bearer tokens, which must name the request's tenant.

    ``request.user`` is the user and ``request.auth`` the `Membership` that authorises the request;
    user, membership and tenant come from one query.
    """

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        """Return user and membership, or None without a token."""
        membership = self._membership(request)
        if membership is None:
            return None
        activate_locale(membership.tenant)
        return membership.user, membership

    def get_raw_token(self, header: bytes) -> bytes | None:
        """Return the token of an Authorization header, or None; the scheme is case-insensitive."""
        _, *rest = header.split() or [b""]
        return super().get_raw_token(b" ".join([SCHEME, *rest])) if is_bearer(header) else None

    def claims(self, request: HttpRequest | Request) -> Claims | None:
        """Return the claims of the request's token, or None without one; they are read once.

        Raises AuthenticationFailed for a malformed header and for an invalid token.
        """
        kept = vars(getattr(request, "_request", request))
        if CLAIMS not in kept:
            header = self.get_header(request)  # type: ignore[arg-type] # reads META only
            raw = self.get_raw_token(header) if header else None
            kept[CLAIMS] = self._read(raw) if raw else None
        claims: Claims | None = kept[CLAIMS]
        return claims

    def _read(self, raw: bytes) -> Claims:
        token = self.get_validated_token(raw)
        try:
            return claims_of(token)
        except TokenError as error:
            raise InvalidToken(str(error)) from error

    def _membership(self, request: Request) -> Membership | None:
        claims = self.claims(request)
        if claims is None:
            return None
        if current_tenant() is None:
            # The request is on the shared host, and the middleware found no such tenant.
            raise TenantNotFound
        access.require_same_tenant(claims.tenant_id)
        try:
            membership = access.admit_token(claims)
        except NoActiveAccount:
            # On the shared host, a tenant without the user's membership does not exist.
            if is_shared(host_of(request)):
                raise TenantNotFound from None
            raise
        access.require_writable(membership, request.method)
        return membership


def is_bearer(header: bytes) -> bool:
    """Return whether an Authorization header has the scheme of tokens (RFC 9110, 11.1)."""
    return [part.lower() for part in header.split()[:1]] == [SCHEME.lower()]


class TenantJWTScheme(SimpleJWTScheme):
    """Describes the scheme in the OpenAPI document."""

    target_class = "apps.authentication.backends.TenantJWTAuthentication"
