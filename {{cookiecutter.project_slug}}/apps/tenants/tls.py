"""For which names the proxy may ask for a certificate."""

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from apps.tenants.hosts import checked, is_shared, normalised
from apps.tenants.models import Domain, Status


@require_safe
def allowed(request: HttpRequest) -> HttpResponse:
    """Answer 200 if ``?domain=`` is a shared host or an active tenant's domain, else 404.

    The proxy asks before it gets a certificate for a name that somebody has pointed at it. Whether
    a name is served shows by itself to whoever asks under it, so the answer gives nothing away.
    """
    return HttpResponse(status=200 if _is_ours(request.GET.get("domain", "")) else 404)


def _is_ours(domain: str) -> bool:
    try:
        return is_shared(normalised(domain)) or _is_served(checked(domain))
    except (UnicodeError, ValidationError):  # no name that anybody could have
        return False


def _is_served(domain: str) -> bool:
    return Domain.platform.filter(domain=domain, tenant__status=Status.ACTIVE).exists()
