"""Tokens: they name user, tenant and log-in, and never permissions."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Any, Self, cast
from uuid import UUID, uuid4

import jwt
from django.conf import settings
from django.db import transaction
from jwt.utils import base64url_decode, force_bytes
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import ExpiredTokenError, TokenError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token, UntypedToken
from rest_framework_simplejwt.utils import datetime_from_epoch

from apps.audit.services import Action, record
from apps.authentication.sessions import seconds_of
from apps.isolation.app_registry import SHARED_DB
from apps.memberships.models import Membership
from apps.tenants.models import Tenant

TENANT = "tenant"
"""Name of the claim that holds the tenant's id."""

FAMILY = "family"
"""Name of the claim that all tokens of one log-in share, through every rotation and switch."""

MEMBERSHIP = "membership"
"""Name of the claim with the membership's id, which differs if an erased user is invited again."""

STAMP = "stamp"
"""Name of the claim that changes with the user's password: an HMAC, as in Django's sessions."""


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of a verified token: its user, its tenant and its log-in."""

    user_id: UUID
    tenant_id: UUID
    membership_id: UUID
    family: str
    stamp: str
    issued_at: datetime


class KeyRing(TokenBackend):
    """Signs with one key; verifies with the key in a token's header, if the ring contains it.

    A new key can thus replace an old one, whose tokens stay valid.
    """

    def __init__(self, signing_key: str, verification_keys: Iterable[str]) -> None:
        super().__init__(api_settings.ALGORITHM, signing_key, leeway=api_settings.LEEWAY)
        self._keys = {key_id(key): key for key in (signing_key, *verification_keys)}

    def get_verifying_key(self, token: Any) -> str:
        """Return the key that the token names; raise what PyJWT raises for a bad signature."""
        header, _, _ = force_bytes(token).partition(b".")
        try:
            # In PyJWT, reading the header alone would cost as much as reading the whole token.
            return self._keys[json.loads(base64url_decode(header))["kid"]]
        except (ValueError, LookupError, TypeError, RecursionError):
            raise jwt.InvalidSignatureError("Token has an unknown key") from None

    def encode(self, payload: dict[str, object]) -> str:
        """Return the signed token, whose header names the key."""
        key = str(self.signing_key)
        return jwt.encode(payload, key, self.algorithm, headers={"kid": key_id(key)})


def key_id(key: str) -> str:
    """Return the name of a key, which reveals nothing about it."""
    return sha256(b"kid:" + key.encode()).hexdigest()[:16]


@cache
def key_ring() -> KeyRing:
    """Return the keys in the settings."""
    return KeyRing(settings.SIMPLE_JWT["SIGNING_KEY"], settings.JWT_VERIFICATION_KEYS)


class _Ringed:
    """Mixin of tokens that the key ring signs and verifies."""

    @property
    def token_backend(self) -> KeyRing:
        """The key ring."""
        return key_ring()


class TenantAccessToken(_Ringed, AccessToken):
    """An access token that names a tenant."""


class AnyToken(_Ringed, UntypedToken):
    """A token of either type."""


class TokenUsedUp(TokenError):
    """A refresh token was used twice: one of its two holders has stolen it."""


class TenantRefreshToken(_Ringed, RefreshToken):  # type: ignore[misc] # simplejwt's own bases differ
    """A refresh token that names a tenant and may be used once."""

    access_token_class = TenantAccessToken

    @classmethod
    def for_membership(cls, membership: Membership, family: str = "") -> Self:
        """Return a new token for a member; its access token has the same claims.

        Without a ``family`` it starts a new one. simplejwt stores a copy in the database without
        these claims, which is therefore useless as a token.
        """
        token = cast("Self", cls.for_user(membership.user))
        token[TENANT] = str(membership.tenant_id)
        token[MEMBERSHIP] = str(membership.pk)
        token[FAMILY] = family or uuid4().hex
        token[STAMP] = membership.user.get_session_auth_hash()
        token.set_exp(lifetime=timedelta(seconds=seconds_of(membership.tenant)))
        return token

    def require_young(self, tenant: Tenant) -> None:
        """Raise TokenError if the token is older than the tenant's current setting allows."""
        if _issued_at(self) + timedelta(seconds=seconds_of(tenant)) <= self.current_time:
            raise ExpiredTokenError("Token is expired")

    def check_blacklist(self) -> None:
        """Raise `TokenUsedUp` if the token is used up, TokenError if its claims are incomplete."""
        claims_of(self)
        used = BlacklistedToken.objects.filter(token__jti=str(self.get(api_settings.JTI_CLAIM)))
        if used.exists():
            raise TokenUsedUp("Token is blacklisted")

    def blacklist(self) -> Any:
        """Use the token up; raise `TokenUsedUp` if another request was faster."""
        result: Any = super().blacklist()
        _, created = result
        if not created:
            raise TokenUsedUp("Token is blacklisted")
        return result


class EndingToken(TenantRefreshToken):
    """A refresh token that ends its log-in, even if it is used up."""

    def check_blacklist(self) -> None:
        """Check only the claims."""
        claims_of(self)

    def end_family(self, action: Action) -> None:
        """End all tokens of this log-in, access tokens included.

        The family is blacklisted like a token. The entry stays until its newest token would have
        expired; ``flushexpiredtokens`` then deletes it. ``action`` is recorded in the audit log
        only once, however often the token is sent.
        """
        claims, now = claims_of(self), datetime.now(UTC)
        kept = {"created_at": now, "expires_at": now + api_settings.REFRESH_TOKEN_LIFETIME}
        with transaction.atomic(using=SHARED_DB):
            family, _ = OutstandingToken.objects.get_or_create(jti=claims.family, defaults=kept)
            _, is_new = BlacklistedToken.objects.get_or_create(token=family)
            if is_new:
                record(action, tenant=claims.tenant_id, actor=claims.user_id)


def claims_of(token: Token) -> Claims:
    """Return the claims of a verified token; raise TokenError if one is missing or malformed."""
    return Claims(
        tenant_id=_id_in(token, TENANT),
        user_id=_id_in(token, api_settings.USER_ID_CLAIM),
        membership_id=_id_in(token, MEMBERSHIP),
        family=_id_in(token, FAMILY).hex,
        stamp=str(token.get(STAMP)),
        issued_at=_issued_at(token),
    )


def _issued_at(token: Token) -> datetime:
    # PyJWT has verified that it is a number, if there is one.
    return datetime_from_epoch(int(token.get("iat", 0)))


def _id_in(token: Token, claim: str) -> UUID:
    try:
        return UUID(str(token[claim]))
    except (KeyError, ValueError):
        raise TokenError(f"Token has no {claim}") from None
