"""May this user act in this tenant now? Asked of the live membership, in every request."""

from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser
from django.utils.crypto import constant_time_compare
from rest_framework import exceptions
from rest_framework_simplejwt.exceptions import InvalidToken
from rest_framework_simplejwt.tokens import Token

from apps.authentication.bearers import membership_of_bearer
from apps.authentication.tokens import STAMP
from apps.isolation import current_tenant, require_tenant
from apps.memberships.models import Membership
from apps.tenants.exceptions import TenantNotFound, TenantNotReady, TenantSuspended
from apps.tenants.models import Status, Tenant

REFUSALS: dict[str, type[exceptions.APIException]] = {
    Status.PREPARING: TenantNotReady,
    Status.SUSPENDED: TenantSuspended,
    Status.ARCHIVED: TenantSuspended,
}


class TokenTenantMismatch(exceptions.AuthenticationFailed):
    """A token of one tenant was sent to another."""

    default_detail = "The token belongs to another tenant."
    default_code = "token_tenant_mismatch"


class NoActiveAccount(exceptions.AuthenticationFailed):
    """Unknown user, wrong password, or no member: the answer is the same."""

    default_detail = "No active account with these credentials."
    default_code = "no_active_account"


def admit(user_id: object, tenant_id: UUID) -> Membership:
    """Return the membership by which a user may act in a tenant, with both; one query.

    Raises `NoActiveAccount` unless user and membership are active, `TenantSuspended` or
    `TenantNotReady` if the tenant is not to be served.
    """
    return _admitted(Membership.objects.of_user_in(user_id, tenant_id).first())


def admit_bearer(token: Token) -> Membership:
    """Return the membership by which a verified token's bearer may act; one query.

    Raises what `admit` raises, `InvalidToken` if the log-in was ended or the password changed,
    and TokenError for a token that does not say whose it is.
    """
    membership, is_ended = membership_of_bearer(token) or (None, False)
    if membership and (is_ended or not _is_stamp_of(membership.user, token)):
        raise InvalidToken("Token is blacklisted")
    return _admitted(membership)


def require_same_tenant(tenant_id: UUID) -> None:
    """Raise `TokenTenantMismatch` unless ``tenant_id``, a token's, is the active tenant."""
    if require_tenant().id != tenant_id:
        raise TokenTenantMismatch


def hide_unserved_tenant() -> None:
    """Raise `TenantNotFound` unless the active tenant is served.

    For whoever is not let in: they must not learn that it is suspended or archived.
    """
    if not is_served():
        raise TenantNotFound


def is_served() -> bool:
    """Tell whether the active tenant is neither suspended nor archived, or there is none."""
    unserved, tenant = [Status.SUSPENDED, Status.ARCHIVED], current_tenant()
    return not (tenant and Tenant.objects.filter(pk=tenant.id, status__in=unserved).exists())


def _admitted(membership: Membership | None) -> Membership:
    if membership is None or not membership.is_active or not membership.user.is_active:
        raise NoActiveAccount
    if refusal := REFUSALS.get(membership.tenant.status):
        raise refusal
    return membership


def _is_stamp_of(user: AbstractBaseUser, token: Token) -> bool:
    stamps = (user.get_session_auth_hash(), *user.get_session_auth_fallback_hash())
    return any(constant_time_compare(str(token.get(STAMP)), stamp) for stamp in stamps)
