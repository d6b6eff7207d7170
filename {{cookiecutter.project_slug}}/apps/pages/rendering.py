"""Rendering of all pages, including the product's: base template, forms and lists."""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods
from rest_framework.request import Request
from rest_framework.settings import api_settings

from apps.authentication.decorators import View
from apps.isolation import require_tenant
from apps.memberships.roles import Role
from apps.pages.forms import PageForm
from apps.pages.navigation import links_for
from apps.tenants.models import Tenant
from apps.tenants.settings import BRAND_NAME, TenantSettings


def form_page(guard: Callable[[View], View]) -> Callable[[View], View]:
    """Mark a page with a form, so that error reports omit the input."""
    taking = require_http_methods(["GET", "HEAD", "POST"])
    return lambda view: sensitive_post_parameters()(guard(taking(view)))


def render_page(
    request: HttpRequest, template: str, form: PageForm | None = None, **context: Any
) -> HttpResponse:
    """Render a template that extends ``pages/base.html``.

    ``title`` in the context is the page's title, by default the form's heading. The template also
    gets ``member``, ``tenant`` and ``may``, with the member's permissions by role. The status is
    400 if the form has errors.
    """
    member = getattr(request, "auth", None)
    tenant = member.tenant if member else context.get("tenant")
    role = Role(member.role) if member else None
    frame = {
        "brand": TenantSettings(tenant).get(BRAND_NAME) or tenant.name if tenant else "",
        "form": form,
        "may": {each.value: role is not None and role.reaches(each) for each in Role},
        "member": member,
        "navigation": links_for(role) if role else [],
        "tenant": tenant,
        "title": form.heading if form else "",
    }
    status = HTTPStatus.BAD_REQUEST if form and form.errors else HTTPStatus.OK
    return render(request, template, frame | context, status=status)


def paginate[M: Model](request: HttpRequest, rows: QuerySet[M]) -> dict[str, Any]:
    """Return a page of rows and the links to its neighbours, with the API's pagination."""
    pages: Any = api_settings.DEFAULT_PAGINATION_CLASS()  # type: ignore[misc,operator] # a class
    found: Iterable[M] = pages.paginate_queryset(rows, Request(request))
    return {"rows": found, "newer": pages.get_previous_link(), "older": pages.get_next_link()}


def redirect_saved(request: HttpRequest, place: str, *args: object) -> HttpResponse:
    """Add the message "Saved.", and redirect; the arguments are those of ``redirect``."""
    messages.success(request, "Saved.")
    return redirect(place, *args)


def press_button(
    request: HttpRequest,
    form: PageForm,
    action: Callable[..., object],
    place: str,
    *args: object,
) -> HttpResponse:
    """Run the action of a button in a list, and show the list again."""
    if form.succeeds(action):
        return redirect_saved(request, place, *args)
    complaints = [str(each) for errors in form.errors.values() for each in errors]
    messages.error(request, " ".join(complaints))
    return redirect(place, *args)


def fill_in_form(
    request: HttpRequest,
    form: PageForm,
    action: Callable[..., object],
    place: str,
    **context: object,
) -> HttpResponse:
    """Show a page with a form until the form succeeds, then redirect."""
    if form.succeeds(action):
        return redirect_saved(request, place)
    return render_page(request, "pages/form.html", form, **context)


def active_tenant() -> Tenant:
    """Return the active tenant's row."""
    return Tenant.objects.get(pk=require_tenant().id)


def tenant_address(domain: str) -> str:
    """Return the address of a tenant's start page."""
    return f"{settings.TENANT_URL.format(domain=domain)}/"
