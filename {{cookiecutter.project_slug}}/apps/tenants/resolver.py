"""From a host name or a slug to a tenant's id."""

from uuid import UUID

from django.core.cache import caches
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse

from apps.api import error_views
from apps.api.error_responses import error_response
from apps.isolation import require_tenant
from apps.tenants.exceptions import TenantNotFound, TenantNotReady
from apps.tenants.hosts import is_shared, normalised
from apps.tenants.models import Domain, Status, Tenant
from apps.tenants.slugs import is_label

HEADER = "X-Tenant"

NONEXISTENT_ID = UUID(int=0)
"""An id that no tenant and no user has, so that asking for it costs what asking for one does."""


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
    """Answer what Django finds suspicious (``handler400``); a malformed host is as an unknown."""
    if isinstance(exception, DisallowedHost):
        return error_response(request, TenantNotFound())
    return error_views.bad_request(request, exception)


def named_slug(request: HttpRequest) -> str | None:
    """Return the slug by which a client names a tenant beside the host, if it does."""
    return request.headers.get(HEADER)


def tenant_of_host(host: str) -> UUID:
    """Return the id of the tenant whose domain ``host`` is.

    The answer is kept in the process for some seconds (``CACHES["hosts"]``): a host changes its
    tenant about never. What does change, status and members and roles, is not kept.

    Raises `TenantNotFound`, or `TenantNotReady` while the tenant's storage is being made.
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
    caches["hosts"].set(host, tenant_id)
    return tenant_id


def tenant_of_slug(slug: str) -> UUID | None:
    """Return the id of the tenant that a client names by its slug, or None."""
    slug = slug.lower()
    # What nobody can have is not asked for: some of it, such as NUL, the database takes amiss.
    if not is_label(slug):
        return None
    return Tenant.objects.filter(slug=slug).values_list("id", flat=True).first()


def wanted_tenant(request: HttpRequest, slug: str | None = None) -> UUID | None:
    """Return the tenant that host, header and ``slug`` name, or None if they name none.

    If they name two, or one that there is not, it is `NONEXISTENT_ID`.
    """
    slugs = [each for each in (slug, named_slug(request)) if each is not None]
    wanted = {tenant_of_slug(each) or NONEXISTENT_ID for each in slugs}
    if not is_shared(host_of(request)):
        wanted.add(require_tenant().id)
    return wanted.pop() if len(wanted) == 1 else NONEXISTENT_ID if wanted else None
