"""Tokens: whose they are, for which tenant, and by which log-in. Never what the user may do."""

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
"""Name of the claim that holds the membership's id: who is erased and comes again has another."""

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


class KeyRing(TokenBackend):
    """Signs with one key; verifies with the key that a token's header names, if it is on the ring.

    So a new key can take over while the tokens that the old one signed are still good.
    """

    def __init__(self, signing_key: str, verification_keys: Iterable[str]) -> None:
        super().__init__(api_settings.ALGORITHM, signing_key, leeway=api_settings.LEEWAY)
        self._keys = {key_id(key): key for key in (signing_key, *verification_keys)}

    def get_verifying_key(self, token: Any) -> str:
        """Return the key that the token names; raise what PyJWT raises for a bad signature."""
        header, _, _ = force_bytes(token).partition(b".")
        try:
            # By PyJWT, reading the header alone would cost as much as reading the whole token.
            return self._keys[json.loads(base64url_decode(header))["kid"]]
        except (ValueError, LookupError, TypeError, RecursionError):
            raise jwt.InvalidSignatureError("Token has an unknown key") from None

    def encode(self, payload: dict[str, object]) -> str:
        """Return the signed token, whose header names the key."""
        key = str(self.signing_key)
        return jwt.encode(payload, key, self.algorithm, headers={"kid": key_id(key)})


def key_id(key: str) -> str:
    """Return the name of a key, which tells nothing of it."""
    return sha256(b"kid:" + key.encode()).hexdigest()[:16]


@cache
def key_ring() -> KeyRing:
    """Return the keys of the settings."""
    return KeyRing(settings.SIMPLE_JWT["SIGNING_KEY"], settings.JWT_VERIFICATION_KEYS)


class _Ringed:
    """Of a token: it is signed and verified by the key ring."""

    @property
    def token_backend(self) -> KeyRing:
        """The key ring."""
        return key_ring()


class TenantAccessToken(_Ringed, AccessToken):
    """An access token that names a tenant."""


class AnyToken(_Ringed, UntypedToken):
    """A token of either type."""


class TokenUsedUp(TokenError):
    """A refresh token has come back: one of its two holders is not who we gave it to."""


class TenantRefreshToken(_Ringed, RefreshToken):  # type: ignore[misc] # simplejwt's own bases differ
    """A refresh token that names a tenant and may be used once."""

    access_token_class = TenantAccessToken

    @classmethod
    def for_membership(cls, membership: Membership, family: str = "") -> Self:
        """Return a new token for a member; its access token has the same claims.

        Without a ``family`` it is the first of its own. simplejwt keeps a copy in the database
        that has not got these claims yet, and so is worth nothing to who reads it there.
        """
        token = cast("Self", cls.for_user(membership.user))
        token[TENANT] = str(membership.tenant_id)
        token[MEMBERSHIP] = str(membership.pk)
        token[FAMILY] = family or uuid4().hex
        token[STAMP] = membership.user.get_session_auth_hash()
        token.set_exp(lifetime=timedelta(seconds=seconds_of(membership.tenant)))
        return token

    def require_young(self, tenant: Tenant) -> None:
        """Raise TokenError if the tenant's log-ins have become shorter than the token is old."""
        issued = datetime_from_epoch(int(self.get("iat", 0)))
        if issued + timedelta(seconds=seconds_of(tenant)) <= self.current_time:
            raise ExpiredTokenError("Token is expired")

    def check_blacklist(self) -> None:
        """Raise `TokenUsedUp` if the token is used up, TokenError if it says not whose it is."""
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
    """A refresh token that is shown to end the log-in: used up or not, it will do."""

    def check_blacklist(self) -> None:
        """Ask whose it is only."""
        claims_of(self)

    def end_family(self, action: Action) -> None:
        """End every token of this log-in, access tokens too, at their next use.

        The family is blacklisted like a token. Its entry is kept for as long as its youngest
        token could live; ``flushexpiredtokens`` deletes it then. ``action`` says why in the audit
        log, once: whoever has the token may send it as often as they like.
        """
        claims, now = claims_of(self), datetime.now(UTC)
        kept = {"created_at": now, "expires_at": now + api_settings.REFRESH_TOKEN_LIFETIME}
        with transaction.atomic(using=SHARED_DB):
            family, _ = OutstandingToken.objects.get_or_create(jti=claims.family, defaults=kept)
            _, is_new = BlacklistedToken.objects.get_or_create(token=family)
            if is_new:
                record(action, tenant=claims.tenant_id, actor=claims.user_id)


def claims_of(token: Token) -> Claims:
    """Return what a verified token says; raise TokenError if a claim is missing or malformed."""
    return Claims(
        tenant_id=_id_in(token, TENANT),
        user_id=_id_in(token, api_settings.USER_ID_CLAIM),
        membership_id=_id_in(token, MEMBERSHIP),
        family=_id_in(token, FAMILY).hex,
        stamp=str(token.get(STAMP)),
    )


def _id_in(token: Token, claim: str) -> UUID:
    try:
        return UUID(str(token[claim]))
    except (KeyError, ValueError):
        raise TokenError(f"Token has no {claim}") from None
