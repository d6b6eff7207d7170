"""Pages. Each does what a route of the API does, by the same functions."""

from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import urljoin
from uuid import UUID

from django.conf import settings
from django.contrib import auth, messages
from django.db.models import F
from django.forms import Select
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from rest_framework.request import Request
from rest_framework.settings import api_settings

from apps.authentication import second_factor
from apps.authentication import services as accounts
from apps.authentication.access import admit, hide_unserved_tenant
from apps.authentication.decorators import MemberRequest, View, open_to_all, require_role, unguarded
from apps.authentication.exceptions import NoActiveAccount
from apps.isolation import require_tenant
from apps.memberships import invitations, selectors
from apps.memberships import services as people
from apps.memberships.models import Membership
from apps.memberships.roles import INVITED_ROLES, Role
from apps.pages import forms
from apps.pages.forms import PageForm
from apps.projects.models import Project, Task, TaskStatus
from apps.tenants.models import Status, Tenant
from apps.tenants.resolver import NONEXISTENT_ID
from apps.tenants.services import default_domain
from apps.tenants.settings import BRAND_COLOR, BRAND_NAME, SESSION_HOURS, TenantSettings
from apps.tenants.slugs import is_label

# In a session: who has yet to give a code, and the secret of a second factor that is not yet on.
HALF, SECRET = "half_logged_in", "second_factor"
CODE_SECONDS = 600


def form_page(guard: Callable[[View], View]) -> Callable[[View], View]:
    """Mark a page with a form: what is typed there is in no report of an error."""
    taking = require_http_methods(["GET", "HEAD", "POST"])
    return lambda view: sensitive_post_parameters()(guard(taking(view)))


# The product


@form_page(require_role("viewer", write="member"))
def projects(request: MemberRequest) -> HttpResponse:
    form = PageForm(forms.PROJECT, request)
    if form.succeeds():
        return _done(request, "projects")
    return _page(request, "projects", form, **_rows(request, Project.objects.all()))


@form_page(require_role("viewer", write="member"))
def project(request: MemberRequest, project_id: UUID) -> HttpResponse:
    found = get_object_or_404(Project, pk=project_id)
    form = PageForm(forms.TASK, request)
    if form.succeeds(project=project_id):
        return _done(request, "project", project_id)
    shown = _rows(request, found.tasks.all())
    names = {each.user_id: each.user.get_full_name() for each in _members()}
    shown["rows"] = [(task, names.get(task.assignee_id, "")) for task in shown["rows"]]
    return _page(request, "project", form, project=found, statuses=TaskStatus.choices, **shown)


@require_role("member")
@require_POST
def change_status(request: MemberRequest, task_id: UUID) -> HttpResponse:
    task = get_object_or_404(Task, pk=task_id)
    return _tried(request, PageForm(forms.STATUS, request, task), None, "project", task.project_id)


# People


@form_page(require_role("viewer", write="admin", scope="invitations"))
def members(request: MemberRequest) -> HttpResponse:
    form = PageForm(forms.INVITE, request)
    if form.succeeds(lambda new: invitations.invite(request.auth, new["email"], Role(new["role"]))):
        return _done(request, "members")
    may_invite = Role(request.auth.role).reaches(Role.ADMIN)
    return _page(
        request,
        "members",
        form,
        invitations=selectors.open_invitations(require_tenant().id) if may_invite else (),
        roles=Role.choices if request.auth.role == Role.OWNER else INVITED_ROLES,
        **_rows(request, _members()),
    )


def _button(deed: Callable[..., object], kind: forms.Kind = forms.BUTTON, scope: str = "") -> View:
    """Return the view of a button beside a member or an invitation."""

    @require_role("admin", scope=scope)
    @require_POST
    def press(request: MemberRequest, **row_id: UUID) -> HttpResponse:
        def do(given: dict[str, Any]) -> None:
            deed(request.auth, *row_id.values(), *map(Role, given.values()))

        return _tried(request, PageForm(kind, request), do, "members")

    return press


change_role = _button(people.change_role, forms.ROLE)
remove = _button(people.remove)
resend = _button(invitations.resend, scope="invitations")
revoke = _button(invitations.revoke)


@form_page(require_role("owner"))
def transfer_ownership(request: MemberRequest) -> HttpResponse:
    """Make another member the Owner, and oneself an Admin."""
    form = PageForm(forms.TRANSFER, request)
    others = [
        (each.pk, each.user.get_full_name()) for each in _members() if each.pk != request.auth.pk
    ]
    form.fields["member"].widget = Select(choices=others)
    text = "Whom you choose may do everything here, and you stay as an Admin."
    transfer = partial(people.transfer_ownership, request.auth)
    return _form(request, form, "members", lambda to: transfer(to["member"]), text=text)


@form_page(require_role("viewer"))
def leave(request: MemberRequest) -> HttpResponse:
    """Ask once more, then go."""
    form = PageForm(forms.LEAVE, request)
    if not form.succeeds(lambda _: people.leave(request.auth)):
        text = "You will see nothing of it any more. Only an invitation brings you back."
        return _page(request, "form", form, text=text)
    auth.logout(request)
    messages.success(request, "You have left this workspace.")
    return redirect("login")


# The tenant, and oneself


@form_page(require_role("admin"))
def change_settings(request: MemberRequest) -> HttpResponse:
    def change(given: dict[str, Any]) -> None:
        people.change_settings(request.auth, given, name=given.pop("name"))

    tenant = request.auth.tenant
    form = PageForm(forms.SETTINGS, request, name=tenant.name, **TenantSettings(tenant).all())
    return _form(request, form, "settings", change)


@form_page(require_role("viewer"))
def profile(request: MemberRequest) -> HttpResponse:
    user = request.auth.user
    form = PageForm(forms.USER, request, user, full_name=user.full_name)
    links = {"change-password": "Change your password", "second-factor": "Second factor"}
    return _form(request, form, "profile", links={reverse(at): links[at] for at in links})


@form_page(require_role("viewer"))
def change_password(request: MemberRequest) -> HttpResponse:
    form = PageForm(forms.PASSWORD, request)
    stay = partial(auth.update_session_auth_hash, request, request.auth.user)
    return _form(request, form, "profile", lambda _: stay())


@form_page(require_role("viewer"))
def change_second_factor(request: MemberRequest) -> HttpResponse:
    """Switch it on, with a secret that the session keeps until then, or off."""
    user, tenant = request.auth.user, request.auth.tenant_id
    if second_factor.is_on(user):
        form = PageForm(forms.SWITCH_OFF, request)
        switch_off = partial(second_factor.switch_off, user, tenant=tenant, actor=user)
        text = "It is on. Without it, your password alone lets you in."
        return _form(request, form, "profile", lambda _: switch_off(), text=text)
    secret = request.session.setdefault(SECRET, second_factor.new_secret())
    form = PageForm(forms.SWITCH_ON, request)
    if form.succeeds(lambda by: second_factor.switch_on(user, secret, by["code"], tenant=tenant)):
        del request.session[SECRET]
        return _page(request, "second_factor", codes=form.result)
    qr = second_factor.qr_of(user, secret)
    return _page(request, "second_factor", form, secret=secret, qr=qr)


@require_role("viewer")
@require_safe
def switch(request: MemberRequest) -> HttpResponse:
    """List one's tenants. Each has sessions of its own, so one logs in to each."""
    own = Membership.objects.for_user(request.auth.user).filter(is_active=True)
    own = own.filter(tenant__status=Status.ACTIVE, tenant__domains__is_primary=True)
    own = own.annotate(name=F("tenant__name"), domain=F("tenant__domains__domain"))
    rows = own.order_by("name").values("role", "tenant_id", "name", "domain")
    places = [{**row, "url": _address(row["domain"])} for row in rows]
    return _page(request, "switch", places=places)


# Coming and going


@form_page(open_to_all)
def log_in(request: HttpRequest) -> HttpResponse:
    tenant = require_tenant().id
    form = PageForm(forms.LOGIN, request)
    if form.succeeds(lambda given: accounts.identify(request, tenant_id=tenant, **given)):
        return _enter(request, form.result)
    links = {urljoin(settings.PLATFORM_ORIGIN, "/password-reset/"): "Forgotten your password?"}
    return _page(request, "form", form, tenant=_served_tenant(), links=links)


@form_page(open_to_all)
def give_code(request: HttpRequest) -> HttpResponse:
    """Take the second step of a log-in; until then the session knows who it is, and no more."""
    tenant, member = _served_tenant(), _half_logged_in(request)
    if member is None:
        return redirect("login")
    user, form = member.user, PageForm(forms.CODE, request)
    if form.succeeds(lambda by: second_factor.require_code(request, user, tenant=tenant.pk, **by)):
        return _begin_session(request, member)
    return _page(request, "form", form, tenant=tenant)


@form_page(unguarded)
def log_out(request: HttpRequest) -> HttpResponse:
    form = PageForm(forms.LOGOUT, request)
    is_out = form.succeeds(lambda _: auth.logout(request))
    tenant = _served_tenant()
    return redirect("login") if is_out else _page(request, "form", form, tenant=tenant)


@form_page(open_to_all)
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    tenant, user = _served_tenant(), request.user if request.user.is_authenticated else None
    form = PageForm(forms.JOIN if user else forms.ACCEPT, request)
    accept = partial(invitations.accept, tenant_id=tenant.pk, user=user)
    if not form.succeeds(lambda given: accept(**given), token=token):
        return _page(request, "form", form, tenant=tenant)
    return redirect("projects") if user else _enter(request, form.result)


@unguarded
def theme(request: HttpRequest) -> HttpResponse:
    """Tell the stylesheet the tenant's colour; in a file, since no page has styles inside."""
    rule = f":root {{ --brand: {TenantSettings(_served_tenant()).get(BRAND_COLOR)}; }}"
    return HttpResponse(rule, content_type="text/css", headers={"Cache-Control": "max-age=300"})


# The shared host


@open_to_all
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    return _page(request, "home")


@form_page(open_to_all)
def sign_up(request: HttpRequest) -> HttpResponse:
    accounts.require_open(request)
    form = PageForm(forms.SIGN_UP, request)
    if form.succeeds():
        messages.success(request, "Your workspace is ready. Verify your address by our mail.")
        return redirect(reverse("switch", query={"tenant": form.cleaned_data["tenant_slug"]}))
    return _page(request, "form", form)


@form_page(open_to_all)
def find(request: HttpRequest) -> HttpResponse:
    """Lead to a tenant by its slug, whether there is such a one or not."""
    form = PageForm(forms.FIND, request)
    named = {"tenant_slug": request.GET.get("tenant", "")}
    slug = (form.cleaned_data if form.succeeds(dict) else named)["tenant_slug"]
    url = _address(default_domain(slug)) if is_label(slug) else ""
    return _page(request, "form", form, url=url)


def _by_mail(kind: forms.Kind, done: str) -> View:
    """Return the view of a form about an account, which the token of a mail may authorise."""

    @form_page(open_to_all)
    def fill_in(request: HttpRequest, **token: Any) -> HttpResponse:
        form = PageForm(kind, request)
        if not form.succeeds(**token):
            return _page(request, "form", form)
        messages.success(request, done)
        return redirect("switch")

    return fill_in


verify_email = _by_mail(forms.VERIFY, "Your address is verified.")
reset_password = _by_mail(forms.RESET, "Your new password is set.")
send_password_reset = _by_mail(forms.FORGOTTEN, "A mail is on its way.")

# What they have in common


def _members() -> Any:
    return selectors.active_members(require_tenant().id)


def _served_tenant() -> Any:
    hide_unserved_tenant()
    return Tenant.objects.get(pk=require_tenant().id)


def _enter(request: HttpRequest, member: Membership) -> HttpResponse:
    """Begin the session of somebody with the right password; a second factor is asked for first."""
    if not second_factor.is_on(member.user):
        return _begin_session(request, member)
    request.session[HALF] = [str(member.user.pk), member.user.get_session_auth_hash()]
    request.session.set_expiry(CODE_SECONDS)
    return redirect(reverse("give-code", query={"next": request.GET.get("next", "")}))


def _half_logged_in(request: HttpRequest) -> Membership | None:
    """Return the member who gave the right password, if it is still theirs."""
    user_id, stamp = request.session.get(HALF, (NONEXISTENT_ID, ""))
    try:
        member = admit(user_id, require_tenant().id)
    except NoActiveAccount:
        return None
    is_theirs = constant_time_compare(member.user.get_session_auth_hash(), stamp)
    return member if is_theirs else None


def _begin_session(request: HttpRequest, member: Membership) -> HttpResponse:
    request.session.pop(HALF, None)
    auth.login(request, member.user)
    request.session.set_expiry(3600 * TenantSettings(member.tenant).get(SESSION_HOURS))
    wanted = request.GET.get("next", "")
    return redirect(wanted if url_has_allowed_host_and_scheme(wanted, None) else "/")


def _address(domain: str) -> str:
    return f"{settings.TENANT_URL.format(domain=domain)}/"


def _rows(request: HttpRequest, rows: Any) -> dict[str, Any]:
    """Return a page of rows, by the API's own pagination."""
    pages: Any = api_settings.DEFAULT_PAGINATION_CLASS()  # type: ignore[misc,operator] # a class
    found = pages.paginate_queryset(rows, Request(request))
    return {"rows": found, "newer": pages.get_previous_link(), "older": pages.get_next_link()}


def _tried(request: HttpRequest, form: PageForm, deed: Any, *place: Any) -> HttpResponse:
    """Do what a button in a list is for, and show the list again."""
    if form.succeeds(deed):
        return _done(request, *place)
    messages.error(
        request, " ".join(str(each) for errors in form.errors.values() for each in errors)
    )
    return redirect(*place)


def _form(
    request: HttpRequest, form: PageForm, place: str, deed: Any = None, **more: Any
) -> HttpResponse:
    """Do what a form is for, and go to a place; show the form until it is filled in."""
    return _done(request, place) if form.succeeds(deed) else _page(request, "form", form, **more)


def _done(request: HttpRequest, *place: Any) -> HttpResponse:
    messages.success(request, "Saved.")
    return redirect(*place)


def _page(
    request: HttpRequest, template: str, form: PageForm | None = None, **more: Any
) -> HttpResponse:
    """Render a page, in the tenant's name if it is one of a tenant's."""
    member: Membership | None = getattr(request, "auth", None)
    tenant = member.tenant if member else more.get("tenant")
    context = {
        "brand": TenantSettings(tenant).get(BRAND_NAME) or tenant.name if tenant else "",
        "form": form,
        "may": {each.value: member and Role(member.role).reaches(each) for each in Role},
        "member": member,
        "tenant": tenant,
        **more,
    }
    status = HTTPStatus.BAD_REQUEST if form and form.errors else HTTPStatus.OK
    return render(request, f"pages/{template}.html", context, status=status)
