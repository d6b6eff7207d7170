"""Pages. Each does what a route of the API does, by the same functions."""

from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urljoin
from uuid import UUID

from django.conf import settings
from django.contrib import auth, messages
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from apps.authentication import second_factor
from apps.authentication import services as accounts
from apps.authentication.access import admit
from apps.authentication.decorators import (
    MemberRequest,
    View,
    judges_members,
    open_to_all,
    require_role,
    unguarded,
)
from apps.authentication.exceptions import NoActiveAccount
from apps.isolation import require_tenant
from apps.memberships import invitations, selectors
from apps.memberships import services as people
from apps.memberships.models import Membership
from apps.memberships.roles import INVITED_ROLES, Role
from apps.pages import forms
from apps.pages.rendering import (
    fill_in_form,
    form_page,
    paginate,
    press_button,
    redirect_saved,
    render_page,
)
from apps.tenants.models import Status, Tenant
from apps.tenants.resolver import NONEXISTENT_ID
from apps.tenants.services import default_domain
from apps.tenants.settings import BRAND_COLOR, SESSION_HOURS, TenantSettings
from apps.tenants.slugs import is_label

# In a session: who has yet to give a code, and the secret of a second factor that is not yet on.
HALF, SECRET = "half_logged_in", "second_factor"
CODE_SECONDS = 600


@require_role("viewer")
@require_safe
def start(request: MemberRequest) -> HttpResponse:
    """Welcome members, where no product has a page in this place."""
    return render_page(request, "pages/start.html")


# People


@form_page(require_role("viewer", write="admin", scope="invitations"))
def members(request: MemberRequest) -> HttpResponse:
    form = forms.InvitationForm(request)

    def invite(email: str, role: str) -> None:
        invitations.invite(request.auth, email, Role(role))

    if form.succeeds(invite):
        return redirect_saved(request, "members")
    may_invite = Role(request.auth.role).reaches(Role.ADMIN)
    return render_page(
        request,
        "pages/members.html",
        form,
        invitations=selectors.open_invitations(require_tenant().id) if may_invite else (),
        roles=Role.choices if request.auth.role == Role.OWNER else INVITED_ROLES,
        **paginate(request, _members()),
    )


def _button(service: Callable[..., object], scope: str = "") -> View:
    """Return the view of a button beside a member or an invitation."""

    @require_role("admin", scope=scope)
    @require_POST
    def press(request: MemberRequest, **row_id: UUID) -> HttpResponse:
        action = partial(service, request.auth, *row_id.values())
        return press_button(request, forms.ButtonForm(request), action, "members")

    return press


remove = _button(people.remove)
resend = _button(invitations.resend, scope="invitations")
revoke = _button(invitations.revoke)


@require_role("admin")
@require_POST
def change_role(request: MemberRequest, membership_id: UUID) -> HttpResponse:
    def change(role: str) -> None:
        people.change_role(request.auth, membership_id, Role(role))

    return press_button(request, forms.RoleForm(request), change, "members")


@form_page(require_role("owner"))
def transfer_ownership(request: MemberRequest) -> HttpResponse:
    """Make another member the Owner, and oneself an Admin."""
    others = [
        (each.pk, each.user.get_full_name()) for each in _members() if each.pk != request.auth.pk
    ]
    form = forms.TransferForm(request, others)

    def transfer(member: UUID) -> None:
        people.transfer_ownership(request.auth, member)

    text = "Whom you choose may do everything here, and you stay as an Admin."
    return fill_in_form(request, form, transfer, "members", text=text)


@form_page(require_role("viewer"))
def leave(request: MemberRequest) -> HttpResponse:
    """Ask once more, then go."""
    form = forms.LeaveForm(request)
    if not form.succeeds(partial(people.leave, request.auth)):
        text = "You will see nothing of it any more. Only an invitation brings you back."
        return render_page(request, "pages/form.html", form, text=text)
    auth.logout(request)
    messages.success(request, "You have left this workspace.")
    return redirect("login")


# The tenant, and oneself


@form_page(require_role("admin"))
def change_settings(request: MemberRequest) -> HttpResponse:
    def change(name: str, **values: Any) -> None:
        people.change_settings(request.auth, values, name=name)

    form = forms.TenantForm(request, request.auth.tenant)
    return fill_in_form(request, form, change, "settings")


@form_page(require_role("viewer"))
def profile(request: MemberRequest) -> HttpResponse:
    user = request.auth.user
    form = forms.UserForm(request, full_name=user.full_name)
    links = {"change-password": "Change your password", "second-factor": "Second factor"}
    named = {reverse(at): links[at] for at in links}
    return fill_in_form(request, form, partial(accounts.update_user, user), "profile", links=named)


@form_page(require_role("viewer"))
def change_password(request: MemberRequest) -> HttpResponse:
    def change(new_password: str, **_: str) -> None:
        accounts.change_password(request.auth, new_password)
        auth.update_session_auth_hash(request, request.auth.user)

    return fill_in_form(request, forms.ChangePasswordForm(request), change, "profile")


@form_page(require_role("viewer"))
def change_second_factor(request: MemberRequest) -> HttpResponse:
    """Switch it on, with a secret that the session keeps until then, or off."""
    user = request.auth.user
    tenant = request.auth.tenant_id
    if second_factor.is_on(user):

        def switch_off(**_: str) -> None:
            second_factor.switch_off(user, tenant=tenant, actor=user)

        off = forms.SwitchOffForm(request)
        text = "It is on. Without it, your password alone lets you in."
        return fill_in_form(request, off, switch_off, "profile", text=text)
    secret = request.session.setdefault(SECRET, second_factor.new_secret())

    def switch_on(code: str, **_: str) -> list[str]:
        return second_factor.switch_on(user, secret, code, tenant=tenant)

    form = forms.SwitchOnForm(request)
    if form.succeeds(switch_on):
        del request.session[SECRET]
        return render_page(request, "pages/second_factor.html", codes=form.result)
    qr = second_factor.qr_of(user, secret)
    return render_page(request, "pages/second_factor.html", form, secret=secret, qr=qr)


@require_role("viewer")
@require_safe
def switch(request: MemberRequest) -> HttpResponse:
    """List one's tenants. Each has sessions of its own, so one logs in to each."""
    own = Membership.objects.for_user(request.auth.user).filter(is_active=True)
    own = own.filter(tenant__status=Status.ACTIVE, tenant__domains__is_primary=True)
    own = own.annotate(name=F("tenant__name"), domain=F("tenant__domains__domain"))
    rows = own.order_by("name").values("role", "tenant_id", "name", "domain")
    places = [{**row, "url": _address(row["domain"])} for row in rows]
    return render_page(request, "pages/switch.html", places=places)


# Coming and going


@judges_members
@form_page(open_to_all)
def log_in(request: HttpRequest) -> HttpResponse:
    form = forms.LoginForm(request)
    if form.succeeds(partial(accounts.identify, request, tenant_id=require_tenant().id)):
        return _enter(request, form.result)
    links = {urljoin(settings.PLATFORM_ORIGIN, "/password-reset/"): "Forgotten your password?"}
    return render_page(request, "pages/form.html", form, tenant=_tenant(), links=links)


@form_page(open_to_all)
def give_code(request: HttpRequest) -> HttpResponse:
    """Take the second step of a log-in; until then the session knows who it is, and no more."""
    tenant, member = _tenant(), _half_logged_in(request)
    if member is None:
        return redirect("login")
    form = forms.CodeForm(request)
    check = partial(second_factor.require_code, request, member.user, tenant=tenant.pk)
    if form.succeeds(check):
        return _begin_session(request, member)
    return render_page(request, "pages/form.html", form, tenant=tenant)


@judges_members
@form_page(unguarded)
def log_out(request: HttpRequest) -> HttpResponse:
    form = forms.LogoutForm(request)
    if form.succeeds(partial(auth.logout, request)):
        return redirect("login")
    return render_page(request, "pages/form.html", form, tenant=_tenant())


@form_page(open_to_all)
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    tenant, user = _tenant(), request.user if request.user.is_authenticated else None
    form = forms.JoinForm(request) if user else forms.AcceptForm(request)
    if not form.succeeds(partial(invitations.accept, token, tenant.pk, user)):
        return render_page(request, "pages/form.html", form, tenant=tenant)
    return redirect("/") if user else _enter(request, form.result)


@unguarded
def theme(request: HttpRequest) -> HttpResponse:
    """Tell the stylesheet the tenant's colour; in a file, since no page has styles inside."""
    rule = f":root {{ --brand: {TenantSettings(_tenant()).get(BRAND_COLOR)}; }}"
    return HttpResponse(rule, content_type="text/css", headers={"Cache-Control": "max-age=300"})


# The shared host


@open_to_all
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    return render_page(request, "pages/home.html")


@form_page(open_to_all)
def sign_up(request: HttpRequest) -> HttpResponse:
    accounts.require_open(request)
    form = forms.SignUpForm(request)

    def create(tenant_name: str, tenant_slug: str, **who: str) -> None:
        user = accounts.new_or_known_user(request, **who)
        accounts.sign_up(user, tenant_name=tenant_name, tenant_slug=tenant_slug)

    if form.succeeds(create):
        messages.success(request, "Your workspace is ready. Verify your address by our mail.")
        return redirect(reverse("switch", query={"tenant": form.cleaned_data["tenant_slug"]}))
    return render_page(request, "pages/form.html", form)


@form_page(open_to_all)
def find(request: HttpRequest) -> HttpResponse:
    """Lead to a tenant by its slug, whether there is such a one or not."""
    form = forms.FindForm(request)
    named = {"tenant_slug": request.GET.get("tenant", "")}
    slug = (form.cleaned_data if form.is_valid() else named)["tenant_slug"]
    url = _address(default_domain(slug)) if is_label(slug) else ""
    return render_page(request, "pages/form.html", form, url=url)


def _by_mail(form_class: type[forms.PageForm], service: Callable[..., object], done: str) -> View:
    """Return the view of a form about an account, which the token of a mail may authorise."""

    @form_page(open_to_all)
    def fill_in(request: HttpRequest, **token: str) -> HttpResponse:
        form = form_class(request)
        if not form.succeeds(partial(service, request, **token)):
            return render_page(request, "pages/form.html", form)
        messages.success(request, done)
        return redirect("switch")

    return fill_in


verify_email = _by_mail(forms.VerifyEmailForm, accounts.verify_email, "Your address is verified.")
reset_password = _by_mail(
    forms.ResetPasswordForm, accounts.reset_password, "Your new password is set."
)
send_password_reset = _by_mail(
    forms.SendPasswordResetForm, accounts.send_password_reset, "A mail is on its way."
)

# What they have in common


def _members() -> QuerySet[Membership]:
    return selectors.active_members(require_tenant().id)


def _tenant() -> Tenant:
    return Tenant.objects.get(pk=require_tenant().id)


def _enter(request: HttpRequest, member: Membership) -> HttpResponse:
    """Begin the session of somebody with the right password; a second factor is asked for first."""
    request.auth = member  # type: ignore[attr-defined] # as the API has it
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
