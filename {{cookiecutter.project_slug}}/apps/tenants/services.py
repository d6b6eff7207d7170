"""What the platform does with tenants. Commands, sign-up and the tests go through here."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.audit.trail import Action, record
from apps.isolation import CATALOGUE, ActiveTenant, deprovision, provision
from apps.isolation.context import activate
from apps.tenants.models import Domain, Membership, Status, Tenant
from apps.tenants.roles import Role
from apps.tenants.slugs import validate_slug


def default_domain(slug: str) -> str:
    """Return the domain that a tenant with this slug gets by itself."""
    return f"{slug}.{settings.TENANT_BASE_DOMAIN}"


def create_tenant(*, slug: str, name: str, domain: str = "") -> Tenant:
    """Make a tenant with its domain and its storage, ready to be served; see `founding`."""
    with founding(slug=slug, name=name, domain=domain) as tenant:
        return tenant


@contextmanager
def founding(*, slug: str, name: str, domain: str = "") -> Iterator[Tenant]:
    """Make a tenant; the block is for what must be there when it is first served: its owner.

    The tenant is "preparing", and not served, until its storage is there. The block and the
    tenant's opening are one transaction. After an error, nothing is left of the tenant; a run
    that was killed is completed by the next one with the same slug. Raises ValidationError for a
    slug or domain that is malformed, reserved or taken.
    """
    _require_good(slug)
    tenant = Tenant(slug=slug, name=name)
    tenant.clean_fields()
    row = Domain(domain=domain or default_domain(slug), tenant=tenant, is_primary=True)
    row.clean()
    tenant = _unfinished(slug, row.domain) or _register(tenant, row)
    tenant.name = name
    try:
        # Not in the transaction: it is another connection's work, and would wait for its locks.
        provision(tenant)
        with transaction.atomic(using=CATALOGUE):
            _open(tenant)
            record(Action.TENANT_CREATED, tenant, tenant=tenant, actor=None)
            yield tenant
    except Exception:
        _abandon(tenant)
        raise


def add_member(tenant: Tenant, user: Any, role: Role) -> Membership:
    """Make a user a member of a tenant; a former or present member gets the role anew."""
    with transaction.atomic(using=CATALOGUE):
        Tenant.objects.locked(tenant.pk)
        membership: Membership
        membership, _ = Membership.platform.update_or_create(
            tenant=tenant, user=user, defaults={"role": role, "is_active": True}
        )
        after = {"role": role, "is_active": True}
        record(Action.MEMBER_JOINED, membership, tenant=tenant, actor=None, after=after)
    return membership


def _require_good(slug: str) -> None:
    # Before the model does, which says of an empty one only that it is.
    try:
        validate_slug(slug)
    except ValidationError as error:
        raise ValidationError({"slug": error.messages}) from error


def _unfinished(slug: str, domain: str) -> Tenant | None:
    return Tenant.objects.filter(slug=slug, status=Status.PREPARING, domains__domain=domain).first()


def _register(tenant: Tenant, domain: Domain) -> Tenant:
    _judge(tenant, domain)
    try:
        with transaction.atomic(using=CATALOGUE):
            tenant.save()
            domain.save()
    except IntegrityError:
        # Somebody was faster since it was judged. Judged again, it is refused by the field.
        _judge(tenant, domain)
        raise
    return tenant


def _judge(tenant: Tenant, domain: Domain) -> None:
    tenant.full_clean()
    domain.full_clean(exclude=["tenant"])


def _open(tenant: Tenant) -> None:
    """Declare a tenant active; of several runs that prepared it together, only one can."""
    tenant.status = Status.ACTIVE
    prepared = Tenant.objects.filter(pk=tenant.pk, status=Status.PREPARING)
    if not prepared.update(status=tenant.status, name=tenant.name, updated_at=timezone.now()):
        raise ValidationError({"slug": "Tenant with this Slug already exists."})


def _abandon(tenant: Tenant) -> None:
    """Remove what was made of a tenant, unless another run has opened it meanwhile."""
    with transaction.atomic(using=CATALOGUE):
        row = Tenant.objects.select_for_update().filter(pk=tenant.pk).first()
        if row is None or row.status == Status.PREPARING:
            deprovision(tenant)
            Domain.objects.for_tenant(tenant).delete()
            with activate(ActiveTenant(tenant.pk)):  # where what refers to it is looked for
                Tenant.objects.filter(pk=tenant.pk).delete()
