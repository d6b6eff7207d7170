"""Invitations: by mail, into one tenant, for one address, once."""

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError as DjangoValidationError
from django.core.mail import EmailMessage
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils import timezone
from rest_framework import exceptions

from apps.audit.services import Action, record
from apps.isolation.app_registry import SHARED_DB
from apps.memberships.addresses import clean_address, mark_verified
from apps.memberships.attempts import password_attempt
from apps.memberships.exceptions import InvalidInvitation
from apps.memberships.models import Invitation, Membership
from apps.memberships.passwords import require_good_password
from apps.memberships.revocation import is_still_given, may_invite, revoke_all
from apps.memberships.revocation import revoke as revoke_now
from apps.memberships.roles import Role
from apps.memberships.selectors import membership_or_new, open_invitations
from apps.memberships.services import join, locked_actor
from apps.tenants.models import Tenant
from apps.tenants.settings import BRAND_NAME, TenantSettings

logger = logging.getLogger(__name__)

LIFETIME = timedelta(days=7)


def invite(asking: Membership, email: str, role: Role) -> Invitation:
    """Invite an address; raise ValidationError if it is a member's or already invited."""
    with locked_actor(asking, Role.ADMIN) as actor:
        with _field_errors():
            email = clean_address(email)
        if Membership.objects.find(email, actor.tenant_id).filter(is_active=True).exists():
            raise exceptions.ValidationError(
                {"email": ["A member already has this address."]}, "already_member"
            )
        for earlier in open_invitations(actor.tenant_id).filter(email=email):
            if earlier.expires_at > timezone.now():
                raise exceptions.ValidationError(
                    {"email": ["This address is already invited."]}, "unique"
                )
            revoke_now(earlier, actor.user)
        invitation = Invitation(tenant=actor.tenant, email=email, role=role, invited_by=actor.user)
        _send(actor.tenant, invitation, Action.INVITATION_SENT, actor.user)
    return invitation


def invite_owner(tenant: Tenant, email: str) -> Invitation:
    """Invite an address as an Owner, on behalf of the platform; this ends an earlier invitation.

    The caller must have locked the tenant's row. Raises ValidationError (Django's) for a malformed
    address.
    """
    email = clean_address(email)
    revoke_all(open_invitations(tenant.pk).filter(email=email), None)
    invitation = Invitation(tenant=tenant, email=email, role=Role.OWNER)
    _send(tenant, invitation, Action.INVITATION_SENT, None)
    return invitation


def resend(asking: Membership, invitation_id: UUID) -> Invitation:
    """Mail a new token, which replaces the old one, and restart the period of validity."""
    with locked_actor(asking, Role.ADMIN) as actor:
        invitation = _invitation(actor, invitation_id)
        invitation.invited_by = None if invitation.role == Role.OWNER else actor.user
        _send(actor.tenant, invitation, Action.INVITATION_RESENT, actor.user)
    return invitation


def revoke(asking: Membership, invitation_id: UUID) -> Invitation:
    """Revoke an invitation."""
    with locked_actor(asking, Role.ADMIN) as actor:
        invitation = _invitation(actor, invitation_id)
        revoke_now(invitation, actor.user)
    return invitation


def accept(
    request: HttpRequest, token: str, tenant_id: UUID | None, user: Any, **new: str
) -> Membership:
    """Make the invitee a member, and return the membership.

    ``user`` is the logged-in user, or None; ``new`` is a password, and a name for a new user.
    ``tenant_id`` is the tenant of the request, if it has one.

    Raises `InvalidInvitation` for every token that is invalid there, AuthenticationFailed if the
    address has an account and the request does not prove to be its user, Throttled for too many
    such attempts, PermissionDenied for another user, and ValidationError for a password that is
    missing or violates the policy.
    """
    invitation = _valid(token, tenant_id)
    user = _invitee(request, invitation, user, **new)
    with transaction.atomic(using=SHARED_DB):
        tenant = Tenant.objects.locked(invitation.tenant_id)
        invitation = _valid(token, tenant_id, is_locked=True)
        if not tenant.is_usable or not is_still_given(invitation):
            raise InvalidInvitation
        if user._state.adding:
            _save_new(user)
        membership = _join(invitation, user)
        # The token proves access to the mailbox. A user who signed up with a foreign address has
        # its account, but cannot accept an invitation to it without the token.
        mark_verified(user)
        invitation.accepted_at = timezone.now()
        invitation.save(update_fields=["accepted_at"])
        record(Action.INVITATION_ACCEPTED, invitation, tenant=tenant, actor=user)
    membership.tenant = tenant
    return membership


def _invitation(actor: Membership, invitation_id: UUID) -> Invitation:
    invitation = open_invitations(actor.tenant_id).filter(pk=invitation_id).first()
    if invitation is None:
        raise exceptions.NotFound
    if not may_invite(actor, invitation.role):
        raise exceptions.PermissionDenied
    return invitation


def _send(
    tenant: Tenant, invitation: Invitation, action: Action, actor: AbstractUser | None
) -> None:
    """Store the invitation with a new token, and mail it, both or neither.

    Mails are enqueued in the transaction (``MAILERS``). One that cannot be sent at once, as in
    development, leaves the invitation, which can be sent again.
    """
    token = secrets.token_urlsafe(32)
    invitation.token_hash = hash_of(token)
    invitation.expires_at = timezone.now() + LIFETIME
    invitation.save()
    after = {"role": invitation.role}
    record(action, invitation, tenant=tenant, actor=actor, after=after)
    try:
        _message(tenant, invitation.email, token).send()
    except (OSError, ValueError) as error:
        # Not the error itself, since mail servers quote the address in their messages.
        logger.warning("could not mail invitation %s: %s", invitation.pk, type(error).__name__)


def _message(tenant: Tenant, email: str, token: str) -> EmailMessage:
    # A single line: text after a line break would become another header.
    name = " ".join((TenantSettings(tenant).get(BRAND_NAME) or tenant.name).split())
    link = tenant.url(f"/invitations/{token}/")
    body = (
        f"You are invited to {name}. Follow this link to join:\n\n{link}\n\n"
        f"The link is valid for {LIFETIME.days} days and for you only; do not share it. "
        "If you did not expect this invitation, ignore this mail.\n"
    )
    return EmailMessage(f"Invitation to {name}", body, settings.DEFAULT_FROM_EMAIL, [email])


def hash_of(token: str) -> str:
    """Return the stored hash of a token."""
    return sha256(f"invitation:{token}".encode()).hexdigest()


def _valid(token: str, tenant_id: UUID | None, *, is_locked: bool = False) -> Invitation:
    rows = Invitation.platform.select_for_update() if is_locked else Invitation.platform
    found = rows.filter(
        token_hash=hash_of(token), accepted_at=None, revoked_at=None, expires_at__gt=timezone.now()
    )
    invitation = found.first()
    if invitation is None or tenant_id not in {None, invitation.tenant_id}:
        raise InvalidInvitation
    return invitation


def _invitee(
    request: HttpRequest,
    invitation: Invitation,
    user: AbstractUser | None,
    password: str = "",
    full_name: str = "",
) -> AbstractUser:
    """Return the invited user: the authenticated one, or a new, unsaved one."""
    if user is not None:
        if user.email != invitation.email:
            raise exceptions.PermissionDenied("This invitation is for another address.")
        return user
    if not password:
        raise exceptions.ValidationError({"password": ["This field is required."]}, "required")
    users = get_user_model().objects
    if users.find(invitation.email).exists():
        with password_attempt(request, invitation.email, password, invitation.tenant_id) as known:
            if known is None:
                raise _not_the_invitee()
            invited: AbstractUser = known
        return invited
    new = users.model(email=invitation.email, full_name=full_name)
    with _field_errors():
        require_good_password(new, password)
    new.set_password(password)
    return new


@contextmanager
def _field_errors() -> Iterator[None]:
    """Turn errors of validators into errors of the body's fields."""
    try:
        yield
    except DjangoValidationError as error:
        raise exceptions.ValidationError(error.message_dict, "invalid") from error


def _save_new(user: AbstractUser) -> None:
    try:
        with transaction.atomic(using=SHARED_DB):
            user.save(force_insert=True)
    except IntegrityError as error:
        # A concurrent request has created a user with this address.
        raise _not_the_invitee() from error


def _not_the_invitee() -> exceptions.AuthenticationFailed:
    message = "An account with this address exists: log in, or enter its password."
    return exceptions.AuthenticationFailed(message, "no_active_account")


def _join(invitation: Invitation, user: AbstractUser) -> Membership:
    """Make the user a member, or a former member active; an active member keeps their role."""
    membership = membership_or_new(user, invitation.tenant_id)
    if not membership.is_active:
        membership.invited_by_id = invitation.invited_by_id
        join(membership, Role(invitation.role), user)
    return membership
