"""Hides tenants that are not served from everybody except their members.

This module has a hook on responses, and one before views, so that no view runs for a request that
cannot be a member's.
"""

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.deprecation import MiddlewareMixin
from rest_framework import HTTP_HEADER_ENCODING

from apps.api.error_responses import attach_error, error_response
from apps.authentication.backends import is_bearer
from apps.authentication.decorators import View, is_of_api
from apps.isolation import current_tenant
from apps.tenants.exceptions import TenantMoved, TenantNotFound, TenantSuspended
from apps.tenants.models import SERVED, Tenant

NOTICES = (TenantSuspended, TenantMoved)
"""Errors that only members get."""


class SuspendedTenantMiddleware(MiddlewareMixin):
    """Answers everybody except members as if the tenant did not exist.

    It must be directly inside ``tenant_middleware``, so that its response gets the same headers as
    that for an unknown tenant. Members need no query: their requests have ``request.auth``.
    """

    def process_view(
        self, request: HttpRequest, view: View, *arguments: object
    ) -> HttpResponse | None:
        """Call no view for a request that cannot be a member's."""
        if _may_be_members(request, view) or not _is_hidden(request):
            return None
        return error_response(request, TenantNotFound())

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """Replace responses that only members may see; every ``TenantNotFound`` is the same."""
        error = getattr(response, "error", None)
        if not isinstance(error, TenantNotFound) and (
            _is_for_members(request, response) or not _is_hidden(request)
        ):
            return response
        return attach_error(error_response(request, TenantNotFound()), error)


def _may_be_members(request: HttpRequest, view: Any) -> bool:
    """Return whether only the view can identify the user: by a token, a session, or the body."""
    target = getattr(view, "cls", view)
    if request.method == "POST" and getattr(target, "identifies_members", False):
        return True
    if is_of_api(view):
        return bool(target.authentication_classes) and _has_token(request)
    return not hasattr(view, "is_unguarded")


def _has_token(request: HttpRequest) -> bool:
    return is_bearer(request.headers.get("Authorization", "").encode(HTTP_HEADER_ENCODING))


def _is_for_members(request: HttpRequest, response: HttpResponseBase) -> bool:
    """Return whether the answer is for a member: a success, or a notice about the tenant."""
    is_notice = isinstance(getattr(response, "error", None), NOTICES)
    # A server error may come from the database, so do not query it.
    is_fault = response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
    return getattr(request, "auth", None) is not None or is_notice or is_fault


def _is_hidden(request: HttpRequest) -> bool:
    """Return whether the active tenant is not served, or purged; one query for each request."""
    tenant = current_tenant()
    if tenant is None:
        return False
    if "is_tenant_hidden" not in vars(request):
        is_served = Tenant.objects.filter(pk=tenant.id, status__in=SERVED).exists()
        vars(request).update(is_tenant_hidden=not is_served)
    return bool(vars(request)["is_tenant_hidden"])
