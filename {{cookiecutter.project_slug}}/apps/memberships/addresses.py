"""The address of a user, stored in the user's row and, with its verification, in allauth's.

All changes and verifications of addresses use this module.
"""

from typing import Any

from allauth.account.models import EmailAddress
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Model, Q

from apps.audit.services import Action, record
from apps.isolation.app_registry import SHARED_DB
from apps.memberships.models import Invitation
from apps.memberships.revocation import revoke_all

TAKEN = "An account with this address exists."


def clean_address(email: str) -> str:
    """Return an address in stored form; raise ValidationError if no mail can reach it."""
    users = get_user_model()
    field = users._meta.get_field("email")
    try:
        # In its original form: an address that is ASCII only in lower case is another address.
        field.run_validators(email.strip())
        return str(field.clean(users.objects.normalize_email(email), None))
    except ValidationError as error:
        raise ValidationError({"email": error.messages}) from error


def address_of(user: Any) -> EmailAddress:
    """Return allauth's row of a user's address, which is the only one of the user and the address.

    Create the row if it is missing. Delete rows that contradict the user's own row.
    """
    rows = list(EmailAddress.objects.filter(Q(user=user) | Q(email=user.email)))
    if [(row.user_id, row.email) for row in rows] == [(user.pk, user.email)]:
        address = rows[0]
    else:
        with transaction.atomic(using=SHARED_DB):
            wrong = EmailAddress.objects.filter(Q(user=user) | Q(email=user.email))
            wrong.exclude(user=user, email=user.email).delete()
            address, _ = EmailAddress.objects.get_or_create(
                user=user, email=user.email, defaults={"primary": True}
            )
    address.user = user  # already known, which saves a query
    return address


def mark_verified(user: AbstractUser) -> None:
    """Mark a user's address as verified."""
    address = address_of(user)
    if not address.verified:
        address.verified = address.primary = True
        address.save(update_fields=["verified", "primary"])


def is_verified(user: AbstractUser) -> bool:
    """Return whether a user has verified their current address."""
    rows = EmailAddress.objects.filter(user=user.pk, email=user.email, verified=True)
    return bool(rows.exists())


def change_address(user: Any, email: str, *, actor: Model | None) -> None:
    """Change a user's address to an unverified one, and end their log-ins.

    Open invitations to the old address are revoked: its mailbox may now belong to somebody else.
    Raises ValidationError for an address that is malformed or another user's.
    """
    email = clean_address(email)
    users = get_user_model()
    with transaction.atomic(using=SHARED_DB):
        # Before the user's row: accepting an invitation locks both in this order.
        known_as = users.objects.filter(pk=user.pk).values("email")
        revoke_all(Invitation.platform.filter(email__in=known_as), actor)
        stored = users.objects.select_for_update().get(pk=user.pk)
        if stored.email == email:
            return
        stored.email = email
        try:
            with transaction.atomic(using=SHARED_DB):
                stored.save(update_fields=["email"])
        except IntegrityError as error:
            raise ValidationError({"email": TAKEN}) from error
        stored.end_log_ins()
        address_of(stored)
        record(Action.ADDRESS_CHANGED, stored, tenant=None, actor=actor)
    user.email, user.credentials_version = stored.email, stored.credentials_version
