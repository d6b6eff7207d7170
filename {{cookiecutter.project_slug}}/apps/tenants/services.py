"""What the platform does with tenants. Commands, sign-up and the tests go through here."""

from contextlib import suppress

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_domain_name
from django.db import transaction

from apps.isolation import CATALOGUE, provision
from apps.tenants.models import Domain, Membership, Status, Tenant
from apps.tenants.resolver import is_shared, normalised
from apps.tenants.roles import Role


def default_domain(slug: str) -> str:
    """Return the domain that a tenant with this slug gets by itself."""
    return f"{slug}.{settings.TENANT_BASE_DOMAIN}"


def create_tenant(*, slug: str, name: str, domain: str = "") -> Tenant:
    """Make a tenant with its domain and its storage, ready to be served.

    A run that was killed half way is completed by the next one with the same slug: until then the
    tenant is "preparing" and not served. Raises ValidationError for a slug or domain that is
    malformed, reserved or taken.
    """
    tenant = Tenant(slug=slug, name=name)
    tenant.clean_fields()
    domain = _checked(domain or default_domain(slug))
    tenant = _unfinished(slug, domain) or _register(tenant, domain)
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


def _checked(domain: str) -> str:
    """Return a domain in the form in which requests are compared with it."""
    with suppress(UnicodeError):  # else it stays as it is, and is refused below
        domain = normalised(domain)
    if is_shared(domain):
        raise ValidationError({"domain": "This host is shared by all tenants."})
    try:
        validate_domain_name(domain)
    except ValidationError as error:
        raise ValidationError({"domain": error.messages}) from error
    return domain


def _unfinished(slug: str, domain: str) -> Tenant | None:
    return Tenant.objects.filter(slug=slug, status=Status.PREPARING, domains__domain=domain).first()


def _register(tenant: Tenant, domain: str) -> Tenant:
    tenant.full_clean()
    row = Domain(domain=domain, tenant=tenant, is_primary=True)
    row.full_clean(exclude=["tenant"])
    with transaction.atomic(using=CATALOGUE):
        tenant.save()
        row.save()
    return tenant
