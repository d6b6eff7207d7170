"""Resolves the tenant of a request, once, before anything else."""

from collections.abc import AsyncIterator, Iterator
from importlib import import_module
from typing import Any
from uuid import UUID

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.cache import patch_vary_headers
from django.utils.decorators import sync_and_async_middleware
from django.utils.deprecation import MiddlewareMixin
from rest_framework.exceptions import APIException, AuthenticationFailed, PermissionDenied
from rest_framework.permissions import SAFE_METHODS

from apps.api.conflicts import as_conflict
from apps.api.database_limits import as_api_error
from apps.api.error_responses import error_response, failed_after_commit
from apps.authentication.backends import TenantJWTAuthentication
from apps.authentication.decorators import NO_ACCESS, View, is_guarded
from apps.authentication.early_refusals import refuse_again
from apps.authentication.exceptions import TokenTenantMismatch
from apps.isolation.context import ActiveTenant, activate_tenant, current_tenant
from apps.isolation.integrations.transactions import is_after_commit
from apps.memberships.models import Membership
from apps.observability.request_id import GetResponse
from apps.tenants.exceptions import TenantConflict, TenantNotFound
from apps.tenants.hosts import is_shared
from apps.tenants.in_flight import Slot
from apps.tenants.resolver import (
    HEADER,
    NONEXISTENT_ID,
    host_of,
    named_slug,
    tenant_of_host,
    tenant_of_slug,
)

PROBES = {"/healthz/live", "/healthz/ready"}
TENANT_URLCONF = "config.urls.tenant"


@sync_and_async_middleware
def tenant_middleware(get_response: GetResponse) -> GetResponse:
    """Run the request inside its tenant, or answer with the reason why not.

    The tenant is the host's; on the shared host it is the one that a verified token names.
    Host, header and token must agree. Authentication later decides from the current membership
    whether the user may act in the tenant.
    """
    # Views are imported now, while no tenant is active, and not by the first request: a queryset
    # that is an attribute of a view belongs to the tenant that it was made in.
    for urlconf in (settings.ROOT_URLCONF, TENANT_URLCONF):
        import_module(urlconf)

    if iscoroutinefunction(get_response):
        resolve_async = sync_to_async(_resolve, thread_sensitive=True)

        async def middleware_async(request: HttpRequest) -> HttpResponseBase:
            try:
                tenant = await resolve_async(request)
                slot = Slot(tenant)
            except APIException as error:
                return _varied(error_response(request, error))
            with slot:
                async with activate_tenant(tenant):
                    response = await get_response(request)
                return _varied(_bound(slot.keep_until_sent(response), tenant))

        return middleware_async

    def middleware(request: HttpRequest) -> HttpResponseBase:
        try:
            tenant = _resolve(request)
            slot = Slot(tenant, may_wait=request.method in SAFE_METHODS)
        except APIException as error:
            return _varied(error_response(request, error))
        with slot:
            with activate_tenant(tenant):
                response = get_response(request)
            return _varied(_bound(slot.keep_until_sent(response), tenant))

    return middleware


class StrictAccessMiddleware(MiddlewareMixin):
    """Refuses views without declared permissions in a tenant.

    Turns exceptions of views outside the API into the API's error responses.
    """

    def process_view(
        self, request: HttpRequest, view: View, *arguments: object
    ) -> HttpResponse | None:
        """Refuse a view without permissions before it is called."""
        if current_tenant() is None or is_guarded(view):
            return None
        return error_response(request, PermissionDenied(NO_ACCESS))

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer errors of services, rows in use, and limits of the database."""
        if is_after_commit(error):
            return failed_after_commit(request, error)
        answer = as_api_error(error) or as_conflict(error)
        return error_response(request, answer) if answer else None


def _resolve(request: HttpRequest) -> ActiveTenant | None:
    if request.path in PROBES:
        return None
    host = host_of(request)
    slug = named_slug(request)
    if is_shared(host):
        tenant_id = _tenant_on_shared_host(request, slug)
        if tenant_id is not None:
            # The token alone speaks for the request: sessions of this host belong to no tenant.
            request.COOKIES.pop(settings.SESSION_COOKIE_NAME, None)
    else:
        request.urlconf = TENANT_URLCONF
        tenant_id = tenant_of_host(host)
        if slug is not None and tenant_of_slug(slug) != tenant_id:
            raise TenantConflict
    tenant = None if tenant_id is None else ActiveTenant(tenant_id)
    vars(request).update(tenant=tenant)  # for what is logged and counted when it has ended
    refuse_again(request, tenant)
    return tenant


def _tenant_on_shared_host(request: HttpRequest, slug: str | None) -> UUID | None:
    """Return the tenant of a verified token, which a header may name too; None without a token.

    An unknown slug and a tenant without the user's membership take the same queries and get the
    same answer, so that neither body nor timing reveals which tenants exist.
    """
    try:
        # The same function as in authentication. If the two disagreed about what is a token, a
        # request could be authorised in a tenant that its token does not name.
        claims = TenantJWTAuthentication().claims(request)
    except AuthenticationFailed:
        return None
    if claims is None:
        return None
    if slug is None:
        return claims.tenant_id
    named = tenant_of_slug(slug)
    if named != claims.tenant_id:
        places = Membership.objects.of_user_in(claims.user_id, named or NONEXISTENT_ID)
        member = places.filter(is_active=True)
        raise TokenTenantMismatch if member.exists() else TenantNotFound
    return named


def _varied[R: HttpResponseBase](response: R) -> R:
    """Set Vary to the headers that name the tenant and the user."""
    patch_vary_headers(response, ["Cookie", "Authorization", HEADER])
    return response


def _bound(response: HttpResponseBase, tenant: ActiveTenant | None) -> HttpResponseBase:
    """Keep a streaming response inside the tenant: its body is generated after the middleware."""
    if isinstance(response, StreamingHttpResponse):
        chunks: Any = response.streaming_content
        bind = _each_async if response.is_async else _each
        response.streaming_content = bind(chunks, tenant)
    return response


def _each(chunks: Iterator[bytes], tenant: ActiveTenant | None) -> Iterator[bytes]:
    while True:
        with activate_tenant(tenant):
            try:
                chunk = next(chunks)
            except StopIteration:
                return
        yield chunk


async def _each_async(
    chunks: AsyncIterator[bytes], tenant: ActiveTenant | None
) -> AsyncIterator[bytes]:
    while True:
        async with activate_tenant(tenant):
            try:
                chunk = await anext(chunks)
            except StopAsyncIteration:
                return
        yield chunk
