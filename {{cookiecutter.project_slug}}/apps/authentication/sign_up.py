"""Sign-up: a person gets a tenant, and becomes its Owner.

Both are stored at once. The tenant opens when its storage is ready: at once if it was made in
advance, else when the API or a worker has made it.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.audit.services import Action, record
from apps.authentication.exceptions import SignUpFailed
from apps.authentication.models import User
from apps.authentication.services import TAKEN
from apps.isolation.app_registry import SHARED_DB
from apps.isolation.exceptions import ProvisioningError
from apps.isolation.integrations.tasks import OWNER_QUEUE, platform_task
from apps.memberships.addresses import address_of, is_verified
from apps.memberships.models import Membership
from apps.memberships.roles import Role
from apps.memberships.services import add_member
from apps.tenants.models import Status, Tenant
from apps.tenants.services import abandon, make_storage, open_tenant, tenant_registration

logger = logging.getLogger(__name__)

# Names of a tenant's fields in a sign-up; errors of other fields belong to the slug.
FIELDS = {
    "name": "tenant_name",
    **dict.fromkeys(("slug", "domain", NON_FIELD_ERRORS), "tenant_slug"),
}
OTHERS_WAIT: Final = timedelta(seconds=60)
"""Time before a worker completes a sign-up, which the request itself normally does first."""


def sign_up(user: User, *, tenant_name: str, tenant_slug: str) -> Tenant:
    """Store a tenant and its new or existing Owner; a worker opens it, unless it opens at once.

    Raises ValidationError for an address, name or slug that is malformed, reserved or taken.
    """
    return _sign_up(user, tenant_name, tenant_slug, due=None)


def sign_up_and_wait(user: User, *, tenant_name: str, tenant_slug: str) -> Membership:
    """Sign up as `sign_up` does, and open the tenant. After an error, nothing is left.

    A worker completes what a killed process leaves. Raises `SignUpFailed` if the storage cannot
    be created.
    """
    is_new = user._state.adding
    tenant = _sign_up(user, tenant_name, tenant_slug, due=timezone.now() + OTHERS_WAIT)
    try:
        _complete(tenant)
    except Exception as error:
        if abandon(tenant) and is_new:
            _forget(user)
        if isinstance(error, ProvisioningError):
            raise SignUpFailed from error
        raise
    membership: Membership = Membership.objects.of_user_in(user.pk, tenant.pk).get()
    return membership


@platform_task(queue_name=OWNER_QUEUE)
def complete_sign_up(tenant_id: str) -> None:
    """Create the storage of a sign-up's tenant, and open it; do nothing if this is done."""
    if tenant := Tenant.objects.filter(pk=UUID(tenant_id)).first():
        _complete(tenant)


def _sign_up(user: User, name: str, slug: str, *, due: datetime | None) -> Tenant:
    with (
        _errors_by_field(user),
        tenant_registration(slug=slug, name=name, founder_id=user.pk) as (tenant, is_ready),
    ):
        if user._state.adding:
            user.save(force_insert=True)
            address_of(user)
        if is_ready:
            _open(tenant)
        else:
            complete_sign_up.using(run_after=due).enqueue(str(tenant.pk))
    return tenant


def _complete(tenant: Tenant) -> None:
    if tenant.status != Status.PREPARING:
        return
    make_storage(tenant)
    with transaction.atomic(using=SHARED_DB):
        _open(tenant)


def _open(tenant: Tenant) -> None:
    """Activate a tenant and make its founder the Owner; do nothing if another run has."""
    if not open_tenant(tenant):
        return
    user = User.objects.get(pk=str(tenant.founder_id))
    is_new = not (is_verified(user) or Membership.objects.for_user(user).exists())
    add_member(tenant, user, Role.OWNER, actor=user)
    record(Action.SIGNED_UP, tenant=tenant, actor=user)
    if is_new:
        _send_first_verification(user)


def _send_first_verification(user: User) -> None:
    try:
        address_of(user).send_confirmation(signup=True)
    except (OSError, ValueError):
        # The sign-up goes on; the user can request another mail.
        logger.exception("could not send the verification of a new user: %s", user.pk)


def _forget(user: User) -> None:
    """Delete a user who never was a member.

    If another sign-up of theirs goes on, its tenant's foreign key keeps the user.
    """
    with suppress(IntegrityError), transaction.atomic(using=SHARED_DB):
        address_of(user).delete()
        # Not delete(), which would look for references in the tables of tenants, and has no tenant.
        User.objects.filter(pk=user.pk)._raw_delete(SHARED_DB)  # noqa: SLF001 - no public one does that


@contextmanager
def _errors_by_field(user: User) -> Iterator[None]:
    """Turn errors of tenant and user into errors of a sign-up's fields."""
    is_new = user._state.adding
    try:
        yield
    except ProvisioningError as error:
        raise SignUpFailed from error
    except ValidationError as error:
        errors = error.message_dict.items()
        raise ValidationError({FIELDS.get(key, key): of for key, of in errors}) from error
    except IntegrityError:
        # A concurrent request has created a user with this address.
        if is_new and User.objects.find(user.email).exists():
            raise ValidationError({"email": TAKEN}) from None
        raise
