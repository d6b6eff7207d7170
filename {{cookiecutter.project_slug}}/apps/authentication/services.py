"""Services for accounts: addresses and passwords. allauth sends the mails."""

import re
from typing import Any
from uuid import UUID

from allauth.account.adapter import get_adapter
from allauth.account.forms import default_token_generator
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from allauth.mfa.models import Authenticator
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.dispatch import Signal, receiver
from django.http import HttpRequest

from apps.audit.services import Action, forget_name, record
from apps.authentication.access import admit
from apps.authentication.exceptions import SecondFactorRequired, SignUpClosed
from apps.authentication.models import User
from apps.authentication.second_factor import require_code
from apps.isolation import current_tenant
from apps.isolation.app_registry import SHARED_DB
from apps.memberships.addresses import address_of, clean_address, mark_verified
from apps.memberships.attempts import (
    own_password_attempt,
    password_attempt,
    remember_source,
    throttle,
)
from apps.memberships.models import Membership
from apps.memberships.passwords import require_good_password
from apps.tenants.resolver import NONEXISTENT_ID

TAKEN = "An account with this address exists, and the password is incorrect."
BAD_TOKEN = "The token is invalid, used or expired."  # noqa: S105 - a sentence


def require_open(request: HttpRequest) -> None:
    """Raise `SignUpClosed` unless anybody may sign up."""
    if not get_adapter().is_open_for_signup(request):
        raise SignUpClosed


def new_or_known_user(
    request: HttpRequest, *, email: str, password: str, code: str = "", full_name: str = ""
) -> User:
    """Return the user who signs up: a new, unsaved one, or an existing one who authenticates.

    Raises ValidationError for wrong credentials of an account, a second factor without its code,
    and a new password that violates the policy; `Throttled` for too many attempts.
    """
    throttle(request, "signup")
    email = clean_address(email)
    if User.objects.find(email).exists():
        with password_attempt(request, email, password) as user:
            if user is None:
                raise ValidationError({"email": TAKEN})
        try:
            require_code(request, user, code, tenant=None)
        except SecondFactorRequired as error:
            raise ValidationError({"code": str(error.detail)}) from error
        known: User = user
        return known
    new = User(email=email, full_name=full_name)
    require_good_password(new, password)
    new.set_password(password)
    return new


def identify(request: HttpRequest, email: str, password: str, tenant_id: UUID) -> Membership:
    """Return the membership for these credentials; the caller asks for a second factor next.

    All failures except an unavailable tenant give the same error, after the same work. Raises
    `Throttled` for too many attempts.
    """
    with password_attempt(request, email, password, tenant_id) as user:
        return admit(user.pk if user else NONEXISTENT_ID, tenant_id)


@receiver([user_logged_in, user_logged_out])
def record_session(*, signal: Signal, user: User | None, **kwargs: object) -> None:
    """Record the begin or end of a session, of the pages or of the admin."""
    if user is None:
        return
    action = Action.LOGGED_IN if signal is user_logged_in else Action.LOGGED_OUT
    with transaction.atomic(using=SHARED_DB):
        record(action, tenant=current_tenant(), actor=user)


def send_verification(request: HttpRequest, email: str) -> None:
    """Send a link that verifies an address; an address without need of one gets a similar mail."""
    email = User.objects.normalize_email(email)
    throttle(request, "confirm_email", key=email)
    verified = EmailAddress.objects.filter(
        user=OuterRef("pk"), email=OuterRef("email"), verified=True
    )
    active = User.objects.find(email).filter(is_active=True)
    user = active.annotate(is_verified=Exists(verified)).first()
    if user is None or user.is_verified:
        get_adapter().send_mail("account/email/nothing_to_send", email, {})
    else:
        address_of(user).send_confirmation()


def verify_email(request: HttpRequest, token: str) -> None:
    """Verify the address to which ``token`` was sent; raise ValidationError for a bad one."""
    confirmation = EmailConfirmationHMAC.from_key(token)
    with transaction.atomic(using=SHARED_DB):
        if confirmation is None or not confirmation.confirm(request):
            raise ValidationError({"token": BAD_TOKEN})
        actor = confirmation.email_address.user_id
        record(Action.ADDRESS_VERIFIED, tenant=None, actor=actor)


def send_password_reset(request: HttpRequest, email: str) -> None:
    """Send a link by which to set a new password; to a stranger, say in a mail that there is none.

    Known or not, it takes one query and one mail.
    """
    email = User.objects.normalize_email(email)
    throttle(request, "reset_password", key=email)
    adapter = get_adapter()
    user = User.objects.find(email).filter(is_active=True).first()
    if user is None:
        adapter.send_mail("account/email/nothing_to_send", email, {})
        return
    key = f"{user.pk.hex}-{default_token_generator.make_token(user)}"
    context = {"user": user, "password_reset_url": adapter.get_reset_password_from_key_url(key)}
    adapter.send_password_reset_mail(user, email, context)


def reset_password(request: HttpRequest, token: str, password: str) -> None:
    """Set a new password, which ends all tokens; raise ValidationError for an invalid token.

    The token proves access to the mailbox, so this also verifies the address.
    """
    throttle(request, "reset_password_from_key")
    pk, _, key = token.partition("-")
    if not re.fullmatch("[0-9a-f]{32}", pk):
        raise ValidationError({"token": BAD_TOKEN})
    with transaction.atomic(using=SHARED_DB):
        # Locked, so that only one of two concurrent requests can use a token.
        users = User.objects.select_for_update().filter(is_active=True)
        user = users.filter(pk=pk).first()
        if user is None or not default_token_generator.check_token(user, key):
            raise ValidationError({"token": BAD_TOKEN})
        require_good_password(user, password)
        get_adapter().set_password(user, password)
        mark_verified(user)
        record(Action.PASSWORD_RESET, tenant=None, actor=user)
    remember_source(request, user.email)


def require_own_password(request: Any, password: str) -> None:
    """Raise ValidationError for a wrong password, and `Throttled` for too many attempts."""
    user = request.auth.user
    with own_password_attempt(request, user, request.auth.tenant_id):
        if not user.check_password(password):
            raise ValidationError("Incorrect password.")


def change_password(membership: Membership, password: str) -> None:
    """Set a member's new password; raise ValidationError if it violates the policy."""
    user = membership.user
    require_good_password(user, password, field="new_password")
    with transaction.atomic(using=SHARED_DB):
        get_adapter().set_password(user, password)
        record(Action.PASSWORD_CHANGED, tenant=membership.tenant_id, actor=user)


def update_user(user: User, *, full_name: str) -> User:
    """Change the fields that users may change themselves."""
    user.full_name = full_name
    user.save(update_fields=["full_name"])
    return user


def forget(user_id: UUID) -> None:
    """Anonymise a user without memberships, except the platform's staff.

    The row stays, since audit events refer to it, but cannot log in.
    """
    # Locked, so that no concurrent request makes them a member.
    users = User.objects.select_for_update().filter(is_staff=False)
    user = users.filter(pk=user_id).first()
    if user is None or Membership.objects.for_user(user).exists():
        return
    for rows in (EmailAddress, Authenticator):
        rows.objects.filter(user=user).delete()
    forget_name(user)
    user.email, user.full_name = f"{user.pk}@erased.invalid", ""
    user.last_login, user.is_active = None, False
    user.set_unusable_password()
    user.save()
