"""Queries of members and invitations."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework.request import Request

from apps.memberships.models import Invitation, Membership
from apps.memberships.roles import Role
from apps.profiles.selectors import profiles_of


def membership_of(request: Request) -> Membership:
    """Return the membership that authorises an authenticated request."""
    membership: Membership = request.auth  # type: ignore[assignment] # the authentication sets it
    return membership


def active_members(tenant_id: UUID) -> QuerySet[Membership]:
    """Return the active memberships of a tenant, with their users."""
    members = Membership.objects.for_tenant(tenant_id).filter(is_active=True)
    return members.select_related("user")


def with_profiles(members: Iterable[Membership]) -> list[Membership]:
    """Return members of the active tenant with their profiles, which one query reads."""
    found = list(members)
    profiles = profiles_of(each.user_id for each in found)
    for each in found:
        each.profile = profiles[each.user_id]
    return found


def owners() -> QuerySet[Membership]:
    """Return the Owners of all tenants who can log in; for platform code."""
    return Membership.platform.filter(role=Role.OWNER, is_active=True, user__is_active=True)


def invited_owners() -> QuerySet[Invitation]:
    """Return the open invitations of future Owners; for platform code."""
    rows = Invitation.platform.filter(role=Role.OWNER, accepted_at=None, revoked_at=None)
    return rows.filter(expires_at__gt=timezone.now())


def membership_or_new(user: Any, tenant_id: UUID) -> Membership:
    """Return a user's membership of a tenant, or a new one, inactive and unsaved."""
    stored = Membership.objects.of_user_in(user.pk, tenant_id).first()
    return stored or Membership(tenant_id=tenant_id, user=user, is_active=False)


def open_invitations(tenant_id: UUID) -> QuerySet[Invitation]:
    """Return invitations that are neither accepted nor revoked; they may have expired."""
    return Invitation.objects.for_tenant(tenant_id).filter(accepted_at=None, revoked_at=None)
