"""The address of a user: one fact in two rows, the user's and allauth's (is it verified?).

Whatever changes or verifies an address goes through here.
"""

from typing import Any

from allauth.account.models import EmailAddress
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Model, Q

from apps.audit.services import Action, record
from apps.isolation.app_registry import SHARED_DB
from apps.memberships.models import Invitation
from apps.memberships.revocation import revoke_all

TAKEN = "An account with this address exists."


def clean_address(email: str) -> str:
    """Return an address as it is stored; raise ValidationError for one that no mail reaches."""
    users: Any = get_user_model()
    field = users._meta.get_field("email")
    try:
        # As it was given: what becomes ASCII only in lower case is another address.
        field.run_validators(email.strip())
        return str(field.clean(users.objects.normalize_email(email), None))
    except ValidationError as error:
        raise ValidationError({"email": error.messages}) from error


def address_of(user: Any) -> EmailAddress:
    """Return allauth's row of a user's address, which is the only one of the user and the address.

    It is made if it is missing. What contradicts the user's own row, whoever wrote it, is deleted.
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
    address.user = user  # known already, so not asked for again
    return address


def mark_verified(user: Any) -> None:
    """Note that a user reads the mail of their address."""
    address = address_of(user)
    if not address.verified:
        address.verified = address.primary = True
        address.save(update_fields=["verified", "primary"])


def is_verified(user: Any) -> bool:
    """Tell whether a user has shown that they read the mail of the address that they have now."""
    rows = EmailAddress.objects.filter(user=user, email=user.email, verified=True)
    return bool(rows.exists())


def change_address(user: Any, email: str, *, actor: Model | None) -> None:
    """Give a user another address, which is not verified, and end their log-ins.

    The open invitations to the old one are revoked: who reads its mail from now on may be somebody
    else. Raises ValidationError for an address that is malformed or another user's.
    """
    email = clean_address(email)
    users: Any = get_user_model()
    with transaction.atomic(using=SHARED_DB):
        # Before the user's row, in the order in which who accepts an invitation locks both.
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
