"""Resolves a host name or a slug to a tenant's id."""

from uuid import UUID

from django.core.cache import caches
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse

from apps.api import error_views
from apps.api.error_responses import error_response
from apps.isolation import require_tenant
from apps.tenants.exceptions import TenantNotFound, TenantNotReady
from apps.tenants.hosts import is_shared, normalised
from apps.tenants.models import INCOMPLETE, Domain, Status, Tenant
from apps.tenants.slugs import is_label

HEADER = "X-Tenant"

NONEXISTENT_ID = UUID(int=0)
"""An id without a tenant or user. A query for it takes as long as one for an existing id."""


def host_of(request: HttpRequest) -> str:
    """Return the normalised host of a request: lower case, no port, no dot at the end, IDNA.

    Raises `TenantNotFound` for what cannot be a host name.
    """
    try:
        host = request.get_host()
        name, _, port = host.rpartition(":")
        return normalised(name if port.isdigit() else host)
    except UnicodeError:
        raise TenantNotFound from None


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a suspicious request (``handler400``); a malformed host counts as unknown."""
    if isinstance(exception, DisallowedHost):
        return error_response(request, TenantNotFound())
    return error_views.bad_request(request, exception)


def named_slug(request: HttpRequest) -> str | None:
    """Return the slug with which a client names a tenant besides the host, or None."""
    return request.headers.get(HEADER)


def tenant_of_host(host: str) -> UUID:
    """Return the id of the tenant whose domain ``host`` is.

    The id is cached in the process for some seconds (``CACHES["hosts"]``), since hosts rarely
    change their tenant. Status, members and roles, which do change, are not cached.

    Raises `TenantNotFound`, also while the tenant is imported or purged, or `TenantNotReady` while
    its storage is being created.
    """
    known: UUID | None = caches["hosts"].get(host)
    if known is not None:
        return known
    row = Domain.platform.filter(domain=host).values_list("tenant_id", "tenant__status").first()
    if row is None:
        raise TenantNotFound
    tenant_id: UUID = row[0]
    if row[1] == Status.PREPARING:
        raise TenantNotReady
    if row[1] in INCOMPLETE:
        raise TenantNotFound
    caches["hosts"].set(host, tenant_id)
    return tenant_id


def tenant_of_slug(slug: str) -> UUID | None:
    """Return the id of the tenant with a slug, or None."""
    slug = slug.lower()
    # Invalid slugs are not queried: for some, such as NUL, the database raises an error.
    if not is_label(slug):
        return None
    return Tenant.objects.filter(slug=slug).values_list("id", flat=True).first()


def wanted_tenant(request: HttpRequest, slug: str | None = None) -> UUID | None:
    """Return the tenant that host, header and ``slug`` name, or None if they name none.

    Return `NONEXISTENT_ID` if they name two tenants or an unknown one.
    """
    slugs = [each for each in (slug, named_slug(request)) if each is not None]
    wanted = {tenant_of_slug(each) or NONEXISTENT_ID for each in slugs}
    if not is_shared(host_of(request)):
        wanted.add(require_tenant().id)
    return wanted.pop() if len(wanted) == 1 else NONEXISTENT_ID if wanted else None
