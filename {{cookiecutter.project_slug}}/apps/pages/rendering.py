"""Rendering of all pages, including the product's: base template, forms and lists."""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.views import APIView

from apps.authentication.decorators import LONGEST_PATH, View
from apps.isolation import require_tenant
from apps.memberships.models import Membership
from apps.memberships.roles import Role
from apps.pages.forms import PageForm
from apps.pages.navigation import links_for
from apps.tenants.models import Tenant
from apps.tenants.settings import BRAND_NAME, TenantSettings


def form_page(guard: Callable[[View], View]) -> Callable[[View], View]:
    """Mark a page with a form, so that error reports omit the input."""
    taking = require_http_methods(["GET", "HEAD", "POST"])
    return lambda view: sensitive_post_parameters()(guard(taking(view)))


def frame(request: HttpRequest) -> dict[str, Any]:
    """Return what the base template shows around each page, error pages too (a context processor).

    It queries nothing: the request's membership has been loaded with its tenant.
    """
    member = getattr(request, "auth", None)
    if not isinstance(member, Membership):
        return {}
    role = Role(member.role)
    return {
        "may": {each.value: role.reaches(each) for each in Role},
        "member": member,
        "navigation": links_for(role),
        **_branded(member.tenant),
    }


def render_page(
    request: HttpRequest, template: str, form: PageForm | None = None, **context: Any
) -> HttpResponse:
    """Render a template that extends ``pages/base.html``.

    ``title`` in the context is the page's title, by default the form's heading; ``tenant`` is
    needed on pages without a member. The template also gets `frame`, whose ``may`` has the
    member's permissions by role. The status is 400 if the form has errors.
    """
    page = {"form": form, "title": form.heading if form else "", **context}
    if "tenant" in context:
        page |= _branded(context["tenant"])
    status = HTTPStatus.BAD_REQUEST if form and form.errors else HTTPStatus.OK
    return render(request, template, page, status=status)


def _branded(tenant: Tenant) -> dict[str, Any]:
    return {"tenant": tenant, "brand": TenantSettings(tenant).get(BRAND_NAME) or tenant.name}


def paginate[M: Model](
    request: HttpRequest, rows: QuerySet[M], view: APIView | None = None
) -> dict[str, Any]:
    """Return a page of rows and the links to its neighbours, with the API's pagination.

    The order is that of ``view``, a view of the API, and without one newest first.
    """
    pages: Any = api_settings.DEFAULT_PAGINATION_CLASS()  # type: ignore[misc,operator] # a class
    found: Iterable[M] = pages.paginate_queryset(rows, Request(request), view)
    return {"rows": found, "previous": pages.get_previous_link(), "next": pages.get_next_link()}


def redirect_with_message(
    request: HttpRequest, message: str, place: str, *args: object
) -> HttpResponse:
    """Redirect, and show what was done; the last arguments are those of ``redirect``."""
    messages.success(request, message)
    return redirect(place, *args)


def redirect_with_errors(
    request: HttpRequest, form: PageForm, place: str, *args: object
) -> HttpResponse:
    """Redirect, and show the errors of a button, which has no page of its own."""
    errors = [str(each) for several in form.errors.values() for each in several]
    messages.error(request, " ".join(errors))
    return redirect(place, *args)


def fill_in_form(
    request: HttpRequest,
    form: PageForm,
    action: Callable[..., object],
    place: str,
    *,
    done: str,
    **context: object,
) -> HttpResponse:
    """Show a page with a form until the form succeeds; then redirect and say what was done.

    In the context, ``text`` stands above the form, and ``cancel`` is the address to which a link
    beside the button leads back.
    """
    if form.succeeds(action):
        return redirect_with_message(request, done, place)
    return render_page(request, "pages/form.html", form, **context)


def next_path(request: HttpRequest) -> str:
    """Return the path on this host that ``?next=`` names; the start page for all other texts.

    ``redirect`` would treat a text without a leading slash as the name of a view.
    """
    wanted = request.GET.get("next", "")
    is_path = wanted.startswith("/") and url_has_allowed_host_and_scheme(wanted, None)
    return wanted if is_path and len(wanted) <= LONGEST_PATH else "/"


def active_tenant() -> Tenant:
    """Return the active tenant's row."""
    return Tenant.objects.get(pk=require_tenant().id)


def tenant_address(domain: str) -> str:
    """Return the address of a tenant's start page."""
    return f"{settings.TENANT_URL.format(domain=domain)}/"
