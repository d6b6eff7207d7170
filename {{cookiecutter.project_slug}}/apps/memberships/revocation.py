"""Rules for inviting, and revocation of invitations whose sender has lost the right."""

from django.db.models import Model, QuerySet
from django.utils import timezone

from apps.audit.services import Action, record
from apps.memberships.models import Invitation, Membership
from apps.memberships.roles import Role


def may_invite(member: Membership, role: str) -> bool:
    """Return whether a member may invite to a role; nobody may exceed their own."""
    own = Role(member.role)
    return member.is_active and own.reaches(Role.ADMIN) and own.reaches(Role(role))


def is_still_given(invitation: Invitation) -> bool:
    """Return whether an invitation's sender may still send it; only the platform invites Owners."""
    if invitation.invited_by_id is None:
        return invitation.role == Role.OWNER
    sender = Membership.objects.of_user_in(invitation.invited_by_id, invitation.tenant_id).first()
    return sender is not None and sender.user.is_active and may_invite(sender, invitation.role)


def revoke_ungiven(member: Membership, actor: Model | None) -> None:
    """Revoke invitations that a member may no longer send; the caller has locked the tenant."""
    sent = Invitation.objects.for_tenant(member.tenant_id).filter(invited_by=member.user_id)
    roles = [role for role in Role if not may_invite(member, role)]
    revoke_all(sent.filter(role__in=roles), actor)


def revoke_all(invitations: QuerySet[Invitation], actor: Model | None) -> None:
    """Revoke the open ones of these invitations, in a transaction of the shared data."""
    still_open = invitations.filter(accepted_at=None, revoked_at=None)
    for invitation in still_open.select_for_update(of=("self",)).order_by("pk"):
        revoke(invitation, actor)


def revoke(invitation: Invitation, actor: Model | None) -> None:
    """Revoke an invitation that is open."""
    invitation.revoked_at = timezone.now()
    invitation.save(update_fields=["revoked_at"])
    record(Action.INVITATION_REVOKED, invitation, tenant=invitation.tenant_id, actor=actor)
