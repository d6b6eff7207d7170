"""What the platform does with tenants. Commands, sign-up and the tests go through here."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from apps.isolation import CATALOGUE, provision
from apps.tenants.models import Domain, Membership, Status, Tenant
from apps.tenants.roles import Role
from apps.tenants.slugs import validate_slug


def default_domain(slug: str) -> str:
    """Return the domain that a tenant with this slug gets by itself."""
    return f"{slug}.{settings.TENANT_BASE_DOMAIN}"


def create_tenant(*, slug: str, name: str, domain: str = "") -> Tenant:
    """Make a tenant with its domain and its storage, ready to be served.

    A run that was killed half way is completed by the next one with the same slug: until then the
    tenant is "preparing" and not served. Raises ValidationError for a slug or domain that is
    malformed, reserved or taken.
    """
    _require_good(slug)
    tenant = Tenant(slug=slug, name=name)
    tenant.clean_fields()
    row = Domain(domain=domain or default_domain(slug), tenant=tenant, is_primary=True)
    row.clean()
    tenant = _unfinished(slug, row.domain) or _register(tenant, row)
    provision(tenant)
    tenant.status = Status.ACTIVE
    tenant.save(update_fields=["status", "updated_at"])
    return tenant


def add_member(tenant: Tenant, user: object, role: Role) -> Membership:
    """Make a user a member of a tenant; a former or present member gets the role anew."""
    membership: Membership
    membership, _ = Membership.platform.update_or_create(
        tenant=tenant, user=user, defaults={"role": role, "is_active": True}
    )
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
