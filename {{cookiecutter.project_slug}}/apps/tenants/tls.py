"""Names for which the proxy may request a certificate."""

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from apps.tenants.hosts import checked, is_shared, normalised
from apps.tenants.models import SERVED, Domain


@require_safe
def allowed(request: HttpRequest) -> HttpResponse:
    """Answer 200 if ``?domain=`` is a shared host or an active tenant's domain, else 404.

    The proxy calls this before it requests a certificate for a name that points at it. Any request
    under a name shows whether it is served, so the answer reveals nothing.
    """
    return HttpResponse(status=200 if _is_ours(request.GET.get("domain", "")) else 404)


def _is_ours(domain: str) -> bool:
    try:
        return is_shared(normalised(domain)) or _is_served(checked(domain))
    except (UnicodeError, ValidationError):  # not a possible host name
        return False


def _is_served(domain: str) -> bool:
    return Domain.platform.filter(domain=domain, tenant__status__in=SERVED).exists()
