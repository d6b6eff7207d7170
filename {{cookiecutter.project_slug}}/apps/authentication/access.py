"""May this user act in this tenant now? Asked of the live membership, in every request."""

from uuid import UUID

from rest_framework import exceptions

from apps.isolation import require_tenant
from apps.tenants.errors import TenantNotReady, TenantSuspended
from apps.tenants.models import Membership, Status

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


def admit(user_id: UUID, tenant_id: UUID) -> Membership:
    """Return the membership by which a user may act in a tenant, with both; one query.

    Raises `NoActiveAccount` unless user and membership are active, `TenantSuspended` or
    `TenantNotReady` if the tenant is not to be served.
    """
    membership: Membership | None = Membership.objects.of_user_in(user_id, tenant_id).first()
    if membership is None or not membership.is_active or not membership.user.is_active:
        raise NoActiveAccount
    if refusal := REFUSALS.get(membership.tenant.status):
        raise refusal
    return membership


def require_same_tenant(tenant_id: UUID) -> None:
    """Raise `TokenTenantMismatch` unless ``tenant_id``, a token's, is the active tenant."""
    if require_tenant().id != tenant_id:
        raise TokenTenantMismatch
