"""Decides whether a user may act in a tenant now, from the current membership, in every request."""

from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser
from django.utils.crypto import constant_time_compare
from rest_framework import exceptions
from rest_framework.permissions import SAFE_METHODS
from rest_framework_simplejwt.exceptions import InvalidToken

from apps.authentication.exceptions import NoActiveAccount, TokenTenantMismatch
from apps.authentication.sessions import begun_before_joining
from apps.authentication.token_lookup import membership_of_token
from apps.authentication.tokens import Claims
from apps.isolation import require_tenant
from apps.memberships.models import Membership
from apps.tenants.exceptions import TenantMoved, TenantMoving, TenantNotReady, TenantSuspended
from apps.tenants.models import Status

REFUSALS: dict[str, type[exceptions.APIException]] = {
    Status.PREPARING: TenantNotReady,
    Status.SUSPENDED: TenantSuspended,
    Status.ARCHIVED: TenantSuspended,
    Status.MOVED: TenantMoved,
    Status.IMPORTING: NoActiveAccount,
    Status.PURGING: NoActiveAccount,
}


def admit(user_id: object, tenant_id: UUID) -> Membership:
    """Return the membership of a user in a tenant, with both, in one query.

    Raises `NoActiveAccount` unless user and membership are active, and the error in `REFUSALS` if
    the tenant is not served.
    """
    return _admitted(Membership.objects.of_user_in(user_id, tenant_id).first())


def admit_token(claims: Claims) -> Membership:
    """Return the membership of a verified token's user, in one query.

    Raises the errors of `admit`, and `InvalidToken` if the log-in has ended, the password has
    changed, or the user was removed from the tenant and has joined it again since.
    """
    membership, is_ended = membership_of_token(claims) or (None, False)
    if membership and (
        is_ended
        or not _is_stamp_of(membership.user, claims.stamp)
        or begun_before_joining(membership, claims.issued_at)
    ):
        raise InvalidToken("Token is blacklisted")
    return _admitted(membership)


def require_writable(membership: Membership, method: str | None) -> None:
    """Raise `TenantMoving` if a request may write and its tenant is only read now."""
    if membership.tenant.status == Status.MOVING and method not in SAFE_METHODS:
        raise TenantMoving


def require_same_tenant(tenant_id: UUID) -> None:
    """Raise `TokenTenantMismatch` unless ``tenant_id``, from a token, is the active tenant."""
    if require_tenant().id != tenant_id:
        raise TokenTenantMismatch


def _admitted(membership: Membership | None) -> Membership:
    if membership is None or not membership.is_active or not membership.user.is_active:
        raise NoActiveAccount
    if refusal := REFUSALS.get(membership.tenant.status):
        raise refusal
    return membership


def _is_stamp_of(user: AbstractBaseUser, stamp: str) -> bool:
    stamps = (user.get_session_auth_hash(), *user.get_session_auth_fallback_hash())
    return any(constant_time_compare(stamp, each) for each in stamps)
