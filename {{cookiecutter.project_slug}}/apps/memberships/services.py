"""Services for memberships: roles, removal, ownership, and the tenant's own settings.

Each decision uses the values stored while the tenant's row is locked. Concurrent changes therefore
run one after the other, and the actor's current role counts.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.db.models import Model
from django.utils import timezone
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError

from apps.audit.services import Action, forget_name, record
from apps.isolation.app_registry import SHARED_DB
from apps.memberships.exceptions import LastOwner
from apps.memberships.models import Invitation, Membership
from apps.memberships.revocation import revoke_all, revoke_ungiven
from apps.memberships.roles import Role
from apps.memberships.selectors import active_members, membership_or_new
from apps.tenants.models import Tenant
from apps.tenants.settings import change_tenant


@contextmanager
def locked_actor(asking: Membership, wanted: Role) -> Iterator[Membership]:
    """Lock and yield the actor's membership; raise PermissionDenied if the role is insufficient."""
    with transaction.atomic(using=SHARED_DB):
        tenant = Tenant.objects.locked(asking.tenant_id)
        members = Membership.objects.for_tenant(tenant).select_related("user")
        actor = members.filter(pk=asking.pk, is_active=True).first()
        if actor is None or not Role(actor.role).reaches(wanted):
            raise PermissionDenied
        actor.tenant = tenant
        yield actor


def change_role(asking: Membership, member_id: UUID, role: Role) -> Membership:
    """Change a member's role.

    Raises PermissionDenied if one of the two roles is Owner and the actor is not an Owner, and
    `LastOwner` if no Owner would be left.
    """
    with locked_actor(asking, Role.ADMIN) as actor:
        member = _member(actor, member_id)
        _require_rank(actor, member.role, role)
        _store(member, Action.MEMBER_ROLE_CHANGED, actor.user, role=role)
    return member


def remove(asking: Membership, member_id: UUID) -> None:
    """Deactivate a membership; an invitation activates it again.

    Raises PermissionDenied if it is an Owner's and the actor is not an Owner, and `LastOwner` if
    no Owner would be left.
    """
    with locked_actor(asking, Role.ADMIN) as actor:
        member = _member(actor, member_id)
        _require_rank(actor, member.role)
        _store(member, Action.MEMBER_REMOVED, actor.user, is_active=False)


def leave(asking: Membership) -> None:
    """End the actor's own membership; raise `LastOwner` if no Owner would be left."""
    with locked_actor(asking, Role.VIEWER) as actor:
        _store(actor, Action.MEMBER_LEFT, actor.user, is_active=False)


def forget(member: Membership, actor: Membership | None) -> None:
    """Delete a membership, and the user's other shared data of the tenant.

    The caller must have locked the tenant's row; ``actor`` is None for the platform. Raises
    PermissionDenied if it is another Owner's and the actor is not an Owner, and `LastOwner` if no
    Owner would be left.
    """
    tenant_id, user = member.tenant_id, member.user
    if actor is not None and actor.pk != member.pk:
        _require_rank(actor, member.role)
    if member.is_active:
        _require_owner_beside(member)
    invitations = Invitation.objects.for_tenant(tenant_id)
    invitations.filter(email=user.email).delete()
    revoke_all(invitations.filter(invited_by=user), actor and actor.user)
    for rows in (invitations, Membership.objects.for_tenant(tenant_id)):
        rows.filter(invited_by=user).update(invited_by=None)
    record(
        Action.MEMBER_REMOVED,
        member,
        tenant=tenant_id,
        actor=actor and actor.user,
        before={"is_active": member.is_active, "role": member.role},
    )
    forget_name(member)
    member.delete()


def transfer_ownership(asking: Membership, member_id: UUID) -> Membership:
    """Make a member an Owner, and the actor an Admin.

    Raises ValidationError if no other active member has this id.
    """
    with locked_actor(asking, Role.OWNER) as actor:
        others = active_members(actor.tenant_id).exclude(pk=actor.pk).filter(user__is_active=True)
        member = others.filter(pk=member_id).first()
        if member is None:
            message = "There is no other active member with this id."
            raise ValidationError({"member": [message]}, "does_not_exist")
        _store(member, Action.MEMBER_ROLE_CHANGED, actor.user, role=Role.OWNER)
        _store(actor, Action.MEMBER_ROLE_CHANGED, actor.user, role=Role.ADMIN)
        record(
            Action.OWNERSHIP_TRANSFERRED,
            actor.tenant,
            tenant=actor.tenant_id,
            actor=actor.user,
            before={"owner": str(actor.pk)},
            after={"owner": str(member.pk)},
        )
    return member


def add_member(
    tenant: Tenant, user: AbstractUser, role: Role, *, actor: Model | None = None
) -> Membership:
    """Make a user a member of a tenant, or change a member's role, on behalf of the platform.

    Repeating the call changes nothing. Raises `LastOwner` if no Owner would be left.
    """
    with transaction.atomic(using=SHARED_DB):
        Tenant.objects.locked(tenant.pk)
        member = membership_or_new(user, tenant.pk)
        if member.is_active:
            _store(member, Action.MEMBER_ROLE_CHANGED, actor, role=role)
        else:
            join(member, role, actor)
    member.tenant = tenant
    return member


def remove_member(member: Membership, *, actor: Model | None) -> None:
    """Deactivate a membership on behalf of the platform; raise `LastOwner` for the last Owner."""
    with transaction.atomic(using=SHARED_DB):
        Tenant.objects.locked(member.tenant_id)
        stored = membership_or_new(member.user, member.tenant_id)
        _store(stored, Action.MEMBER_REMOVED, actor, is_active=False)


def join(member: Membership, role: Role, actor: Model | None) -> None:
    """Make a user an active member; raise NotFound if the user was erased meanwhile."""
    users = type(member.user).objects.select_for_update(no_key=True)
    if not users.filter(pk=member.user_id, email=member.user.email):
        raise NotFound
    member.joined_at = timezone.now()
    _store(member, Action.MEMBER_JOINED, actor, role=role, is_active=True)


def change_settings(asking: Membership, settings: dict[str, object], **fields: Any) -> Tenant:
    """Store the given settings of the tenant, and its name if given."""
    with locked_actor(asking, Role.ADMIN) as actor:
        change_tenant(actor.tenant, actor=actor.user, settings=settings, **fields)
    return actor.tenant


def _member(actor: Membership, member_id: UUID) -> Membership:
    member = active_members(actor.tenant_id).filter(pk=member_id).first()
    if member is None:
        raise NotFound
    return member


def _require_rank(actor: Membership, *roles: str) -> None:
    """Raise PermissionDenied if an Owner is concerned and the actor is not an Owner."""
    if Role.OWNER in roles and actor.role != Role.OWNER:
        raise PermissionDenied


def _is_owner(member: Membership) -> bool:
    return member.is_active and member.role == Role.OWNER


def _require_owner_beside(member: Membership) -> None:
    """Raise `LastOwner` if ``member`` is the only Owner who can log in."""
    owners = active_members(member.tenant_id).filter(role=Role.OWNER, user__is_active=True)
    if not owners.exclude(pk=member.pk).exists():
        raise LastOwner


def _store(member: Membership, action: Action, actor: Model | None, **fields: object) -> None:
    """Store fields of a membership whose tenant is locked; do nothing if they are unchanged.

    Invitations that the member may no longer send are revoked.
    """
    before = {} if member._state.adding else {name: getattr(member, name) for name in fields}
    if before == fields:
        return
    was_owner = _is_owner(member)
    for name, value in fields.items():
        setattr(member, name, value)
    if was_owner and not _is_owner(member):
        _require_owner_beside(member)
    member.save()
    record(action, member, tenant=member.tenant_id, actor=actor, before=before, after=fields)
    revoke_ungiven(member, actor)
