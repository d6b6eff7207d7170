"""Pages for log-in, log-out and the acceptance of invitations."""

from functools import partial
from urllib.parse import urljoin

from django.conf import settings
from django.contrib import auth
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.crypto import constant_time_compare

from apps.authentication import second_factor
from apps.authentication import services as accounts
from apps.authentication.access import admit
from apps.authentication.decorators import identifies_members, open_to_all, unguarded
from apps.authentication.exceptions import NoActiveAccount
from apps.authentication.sessions import begin_session
from apps.isolation import require_tenant
from apps.memberships import invitations
from apps.memberships.models import Membership
from apps.pages import forms
from apps.pages.rendering import active_tenant, form_page, next_path, render_page
from apps.tenants.resolver import NONEXISTENT_ID

HALF = "half_logged_in"
"""Session key: the user who has entered the password, but not yet a code."""

CODE_SECONDS = 600
"""Seconds for entering the code."""


@identifies_members
@form_page(open_to_all)
def log_in(request: HttpRequest) -> HttpResponse:
    form = forms.LoginForm(request)
    if form.succeeds(partial(accounts.identify, request, tenant_id=require_tenant().id)):
        return _enter(request, form.result)
    links = {urljoin(settings.PLATFORM_ORIGIN, "/password-reset/"): "Forgotten your password?"}
    return render_page(request, "pages/form.html", form, tenant=active_tenant(), links=links)


@form_page(open_to_all)
def give_code(request: HttpRequest) -> HttpResponse:
    """Handle the second step of a log-in; until then the session only knows the user."""
    tenant, member = active_tenant(), _half_logged_in(request)
    if member is None:
        return redirect("login")
    form = forms.CodeForm(request)
    check = partial(second_factor.require_code, request, member.user, tenant=tenant.pk)
    if form.succeeds(check):
        return _begin_session(request, member)
    return render_page(request, "pages/form.html", form, tenant=tenant)


@identifies_members
@form_page(unguarded)
def log_out(request: HttpRequest) -> HttpResponse:
    form = forms.LogoutForm(request)
    if form.succeeds(partial(auth.logout, request)):
        return redirect("login")
    return render_page(request, "pages/form.html", form, tenant=active_tenant())


@form_page(open_to_all)
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    tenant, user = active_tenant(), request.user if request.user.is_authenticated else None
    form = forms.JoinForm(request) if user else forms.AcceptForm(request)
    if not form.succeeds(partial(invitations.accept, request, token, tenant.pk, user)):
        return render_page(request, "pages/form.html", form, tenant=tenant)
    return redirect("/") if user else _enter(request, form.result)


def _enter(request: HttpRequest, member: Membership) -> HttpResponse:
    """Start a session after the correct password; with a second factor, ask for it first."""
    request.auth = member  # type: ignore[attr-defined] # as the API has it
    if not second_factor.is_on(member.user):
        return _begin_session(request, member)
    request.session[HALF] = [str(member.user.pk), member.user.get_session_auth_hash()]
    request.session.set_expiry(CODE_SECONDS)
    return redirect(reverse("give-code", query={"next": next_path(request)}))


def _half_logged_in(request: HttpRequest) -> Membership | None:
    """Return the member who entered the correct password, if it has not changed since."""
    user_id, stamp = request.session.get(HALF, (NONEXISTENT_ID, ""))
    try:
        member = admit(user_id, require_tenant().id)
    except NoActiveAccount:
        return None
    is_theirs = constant_time_compare(member.user.get_session_auth_hash(), stamp)
    return member if is_theirs else None


def _begin_session(request: HttpRequest, member: Membership) -> HttpResponse:
    request.session.pop(HALF, None)
    begin_session(request, member)
    return HttpResponseRedirect(next_path(request))
