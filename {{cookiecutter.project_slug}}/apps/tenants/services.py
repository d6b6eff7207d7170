"""Services of the platform for tenants. Commands, sign-up and the tests use them."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Model
from django.dispatch import Signal
from django.utils import timezone

from apps.audit.services import Action, record
from apps.isolation import ActiveTenant
from apps.isolation.app_registry import SHARED_DB
from apps.isolation.context import activate_tenant
from apps.isolation.strategy.provisioning import NEEDS_STORAGE, deprovision, provision
from apps.tenants.lifecycle import OPEN
from apps.tenants.models import TAKEN, Domain, Status, Tenant
from apps.tenants.pending import claim
from apps.tenants.settings import change_tenant
from apps.tenants.slugs import default_domain, validate_slug

provisioning_failed = Signal()
"""Sent with the ``tenant`` when its storage could not be created."""


def create_tenant(*, slug: str, name: str, domain: str = "") -> Tenant:
    """Create a tenant with its domain and its storage, ready to serve; see `tenant_creation`."""
    with tenant_creation(slug=slug, name=name, domain=domain) as tenant:
        return tenant


@contextmanager
def tenant_creation(*, slug: str, name: str, domain: str = "") -> Iterator[Tenant]:
    """Create a tenant; the block creates the rows that it needs before it is served: its Owner.

    The tenant is "preparing", and not served, until its storage exists. The block and the
    activation of the tenant are one transaction. After an error, nothing is left of the tenant;
    the next run with the same slug completes an interrupted one. Raises ValidationError for a
    slug or domain that is malformed, reserved or taken.
    """
    tenant, row = _new(Tenant(slug=slug, name=name), domain)
    unfinished = _unfinished(slug, row.domain)
    has_storage = not unfinished and _register(tenant, row)
    tenant = unfinished or tenant
    tenant.name = name
    try:
        if not has_storage:
            make_storage(tenant)
        with transaction.atomic(using=SHARED_DB):
            _require_first(open_tenant(tenant))
            yield tenant
    except Exception:
        abandon(tenant)
        raise


@contextmanager
def tenant_registration(*, slug: str, name: str, founder_id: UUID) -> Iterator[tuple[Tenant, bool]]:
    """Store a tenant that somebody signs up for, in one transaction with what the block stores.

    Yields the tenant, which is "preparing", and whether it can be opened at once. Raises
    ValidationError for a slug that is malformed, reserved or taken.
    """
    tenant, row = _new(Tenant(slug=slug, name=name, founder_id=founder_id))
    with transaction.atomic(using=SHARED_DB):
        has_storage = _register(tenant, row)
        yield tenant, has_storage or not NEEDS_STORAGE


def make_storage(tenant: Tenant) -> None:
    """Make a tenant's storage, if it is not there; raise `ProvisioningError` if that fails.

    Not to be called in a transaction: another connection does the work, and would wait for its
    locks.
    """
    try:
        provision(tenant)
    except Exception:
        provisioning_failed.send(create_tenant, tenant=tenant)
        raise


def open_tenant(tenant: Tenant) -> bool:
    """Activate a tenant that has storage; return False if another run has done so.

    The caller's transaction stores what it needs before it is served.
    """
    tenant.status = OPEN.target
    prepared = Tenant.objects.filter(pk=tenant.pk, status__in=OPEN.sources)
    if not prepared.update(status=tenant.status, name=tenant.name, updated_at=timezone.now()):
        return False
    record(OPEN.action, tenant, tenant=tenant, actor=None)
    return True


def abandon(tenant: Tenant) -> bool:
    """Remove an incomplete tenant; return False if another run has activated it meanwhile."""
    with transaction.atomic(using=SHARED_DB):
        row = Tenant.objects.select_for_update().filter(pk=tenant.pk).first()
        if row and row.status not in OPEN.sources:
            return False
        deprovision(tenant)
        Domain.objects.for_tenant(tenant).delete()
        with activate_tenant(ActiveTenant(tenant.pk)):  # where references to it are searched
            Tenant.objects.filter(pk=tenant.pk).delete()
    return True


def rename_tenant(
    tenant: Tenant, *, name: str = "", slug: str = "", actor: Model | None = None
) -> None:
    """Change a tenant's name or slug; a new slug also changes its default domain.

    Other domains stay, and so does the storage, which is named after the id. Raises
    ValidationError for a slug or domain that is malformed, reserved or taken.
    """
    with transaction.atomic(using=SHARED_DB):
        stored = Tenant.objects.locked(tenant.pk)
        fields = {"name": name or stored.name, "slug": slug or stored.slug}
        own = Domain.objects.for_tenant(stored).filter(domain=default_domain(stored.slug)).first()
        renamed = copy(stored)
        vars(renamed).update(fields)
        renamed.full_clean()
        change_tenant(stored, actor=actor, settings={}, action=Action.TENANT_RENAMED, **fields)
        if own:
            own.domain = default_domain(stored.slug)
            own.full_clean(exclude=["tenant"])
            save_domain(own, actor=actor)


def save_domain(domain: Domain, *, actor: Model | None) -> None:
    """Store a new or changed domain that has been validated."""
    with transaction.atomic(using=SHARED_DB):
        stored = Domain.platform.filter(pk=domain.pk).first()
        before, after = _snapshot(stored) if stored else {}, _snapshot(domain)
        if before != after:
            domain.save()
            action = Action.DOMAIN_CHANGED if stored else Action.DOMAIN_ADDED
            record(action, domain, tenant=domain.tenant_id, actor=actor, before=before, after=after)


def remove_domain(domain: Domain, *, actor: Model | None) -> None:
    """Remove a domain; raise ValidationError if it is the tenant's last one."""
    with transaction.atomic(using=SHARED_DB):
        Tenant.objects.locked(domain.tenant_id)
        if not Domain.objects.for_tenant(domain.tenant_id).exclude(pk=domain.pk).exists():
            raise ValidationError("A tenant needs at least one domain.")
        before = _snapshot(domain)
        record(Action.DOMAIN_REMOVED, domain, tenant=domain.tenant_id, actor=actor, before=before)
        domain.delete()


def _snapshot(domain: Domain) -> dict[str, object]:
    verified = domain.verified_at and domain.verified_at.isoformat()
    return {"domain": domain.domain, "is_primary": domain.is_primary, "verified_at": verified}


def _new(tenant: Tenant, domain: str = "") -> tuple[Tenant, Domain]:
    """Return a tenant and its domain, which are not stored yet; raise ValidationError."""
    # Before the model's validation, whose error for an empty slug is less specific.
    try:
        validate_slug(tenant.slug)
    except ValidationError as error:
        raise ValidationError({"slug": error.messages}) from error
    tenant.clean_fields()
    row = Domain(domain=domain or default_domain(tenant.slug), tenant=tenant, is_primary=True)
    row.clean()
    return tenant, row


def _require_first(is_first: bool) -> None:
    """Raise the error of a taken slug, unless this run was the first to open the tenant."""
    if not is_first:
        raise ValidationError({"slug": TAKEN})


def _unfinished(slug: str, domain: str) -> Tenant | None:
    """Return the tenant of an interrupted run; a worker completes those that were signed up for."""
    begun = Tenant.objects.filter(status=Status.PREPARING, founder_id=None)
    return begun.filter(slug=slug, domains__domain=domain).first()


def _register(tenant: Tenant, domain: Domain) -> bool:
    """Store a new tenant; return whether it got storage provisioned in advance."""
    _validate(tenant, domain)
    try:
        with transaction.atomic(using=SHARED_DB):
            ready = claim()
            tenant.pk = ready or tenant.pk
            tenant.save()
            domain.tenant = tenant
            domain.save()
    except IntegrityError:
        # A concurrent request was faster. Validating again names the field.
        _validate(tenant, domain)
        raise
    return ready is not None


def _validate(tenant: Tenant, domain: Domain) -> None:
    tenant.full_clean()
    domain.full_clean(exclude=["tenant"])
