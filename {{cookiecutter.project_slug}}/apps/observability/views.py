"""Probes, on every host, and metrics for Prometheus, on shared hosts."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe
from rest_framework.exceptions import NotAuthenticated

from apps.observability.health import health_problems


def live(request: HttpRequest) -> JsonResponse:
    """Answer 200 while the process runs, without a query."""
    return JsonResponse({"status": "ok"})


def ready(request: HttpRequest) -> JsonResponse:
    """Answer 200 if this process can serve requests, else 503 with the problems."""
    problems = health_problems()
    if problems:
        return JsonResponse({"status": "unavailable", "problems": problems}, status=503)
    return JsonResponse({"status": "ok"})


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Return the metrics to a client with METRICS_TOKEN; 404 if no token is configured."""
    if not settings.METRICS_TOKEN:
        raise Http404
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    is_known = constant_time_compare(given.strip(), settings.METRICS_TOKEN)
    if scheme.lower() != "bearer" or not is_known:
        raise NotAuthenticated
    from apps.observability.metrics import (  # noqa: PLC0415 - loaded only where it is used
        exposition,
    )

    return HttpResponse(exposition(), content_type="text/plain; version=0.0.4; charset=utf-8")
