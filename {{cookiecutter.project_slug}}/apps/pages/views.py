"""Pages. They use the same services as the API."""

from collections.abc import Callable
from functools import partial
from uuid import UUID

from django.conf import settings
from django.contrib import auth, messages
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from apps.authentication import second_factor
from apps.authentication import services as accounts
from apps.authentication.decorators import (
    MemberRequest,
    View,
    require_role,
    unguarded,
)
from apps.isolation import require_tenant
from apps.memberships import invitations, selectors
from apps.memberships import services as people
from apps.memberships.models import Invitation, Membership
from apps.memberships.roles import Role
from apps.offboarding.services import archive_as_owner
from apps.pages import forms
from apps.pages.colors import theme_of
from apps.pages.rendering import (
    active_tenant,
    fill_in_form,
    form_page,
    paginate,
    redirect_with_errors,
    redirect_with_message,
    render_page,
    tenant_address,
)
from apps.tenants.models import SERVED
from apps.tenants.settings import BRAND_COLOR, TenantSettings

PENDING_FACTOR = "second_factor"
"""Session key: the secret of a second factor that is not yet on."""


@require_role("viewer")
@require_safe
def start(request: MemberRequest) -> HttpResponse:
    """Welcome members, if the product has no page here."""
    return render_page(request, "pages/start.html")


# People


@form_page(require_role("viewer", write="admin", scope="invitations"))
def members(request: MemberRequest) -> HttpResponse:
    form = forms.InvitationForm(request)

    def invite(email: str, role: str) -> Invitation:
        return invitations.invite(request.auth, email, Role(role))

    if form.succeeds(invite):
        done = f"{form.result.email} was invited as {form.result.get_role_display()}."
        return redirect_with_message(request, done, "members")
    may_invite = Role(request.auth.role).reaches(Role.ADMIN)
    context = paginate(request, _members())
    context["rows"] = selectors.with_profiles(context["rows"])
    return render_page(
        request,
        "pages/members.html",
        form,
        invitations=selectors.open_invitations(require_tenant().id) if may_invite else (),
        **context,
    )


@form_page(require_role("admin"))
def change_role(request: MemberRequest, membership_id: UUID) -> HttpResponse:
    member = get_object_or_404(_members(), pk=membership_id)
    form = forms.RoleForm(request, member.role, has_owner=request.auth.role == Role.OWNER)
    name = member.display_name

    def change(role: str) -> Membership:
        return people.change_role(request.auth, membership_id, Role(role))

    if form.succeeds(change):
        done = f"{name} is now {form.result.get_role_display()}."
        return redirect_with_message(request, done, "members")
    context = {"title": f"Role of {name}", "cancel": reverse("members")}
    return render_page(request, "pages/form.html", form, **context)


@form_page(require_role("admin"))
def remove(request: MemberRequest, membership_id: UUID) -> HttpResponse:
    """Ask for confirmation, then end a membership."""
    name = get_object_or_404(_members(), pk=membership_id).display_name
    return fill_in_form(
        request,
        forms.RemoveForm(request),
        partial(people.remove, request.auth, membership_id),
        "members",
        done=f"{name} was removed.",
        title=f"Remove {name}?",
        text="They lose all access at once. What they have made stays.",
        cancel=reverse("members"),
    )


def _button(service: Callable[..., Invitation], done: str, scope: str = "") -> View:
    """Return the view of a button beside an invitation."""

    @require_role("admin", scope=scope)
    @require_POST
    def press(request: MemberRequest, invitation_id: UUID) -> HttpResponse:
        form = forms.ButtonForm(request)
        if form.succeeds(partial(service, request.auth, invitation_id)):
            message = f"The invitation of {form.result.email} was {done}."
            return redirect_with_message(request, message, "members")
        return redirect_with_errors(request, form, "members")

    return press


resend = _button(invitations.resend, "sent again", scope="invitations")
revoke = _button(invitations.revoke, "revoked")


@form_page(require_role("owner"))
def transfer_ownership(request: MemberRequest) -> HttpResponse:
    """Make another member the Owner, and the user an Admin."""
    others = selectors.with_profiles(_members().exclude(pk=request.auth.pk))
    form = forms.TransferForm(request, [(each.pk, each.display_name) for each in others])

    def transfer(member: UUID) -> Membership:
        return people.transfer_ownership(request.auth, member)

    if form.succeeds(transfer):
        done = f"{form.result.display_name} is now Owner, and you are Admin."
        return redirect_with_message(request, done, "members")
    text = "The new Owner may do everything here. You remain as an Admin."
    context = {"text": text, "cancel": reverse("members")}
    return render_page(request, "pages/form.html", form, **context)


@form_page(require_role("viewer"))
def leave(request: MemberRequest) -> HttpResponse:
    """Ask for confirmation, then end the membership."""
    form = forms.LeaveForm(request)
    if not form.succeeds(partial(people.leave, request.auth)):
        text = "You lose all access. You can return only with a new invitation."
        context = {"text": text, "cancel": reverse("members")}
        return render_page(request, "pages/form.html", form, **context)
    auth.logout(request)
    messages.success(request, "You have left this workspace.")
    return redirect("login")


# The tenant, and the user's own account


@form_page(require_role("admin"))
def change_settings(request: MemberRequest) -> HttpResponse:
    def change(name: str, **values: object) -> None:
        people.change_settings(request.auth, values, name=name)

    form = forms.TenantForm(request, request.auth.tenant)
    is_owner = request.auth.role == Role.OWNER
    of_owners = {"exports": "Export all data", "archive": "Delete this workspace"}
    links = {reverse(at): of_owners[at] for at in of_owners} if is_owner else {}
    done = "The settings were changed."
    return fill_in_form(request, form, change, "settings", done=done, links=links)


@form_page(require_role("owner"))
def archive(request: MemberRequest) -> HttpResponse:
    """Ask for the password, then archive the tenant."""
    form = forms.ArchiveForm(request)
    if not form.succeeds(lambda **_: archive_as_owner(request.auth)):
        days = settings.TENANT_GRACE_DAYS
        text = f"All members lose access at once. All data is deleted after {days} days."
        context = {"text": text, "cancel": reverse("settings")}
        return render_page(request, "pages/form.html", form, **context)
    tenant = active_tenant()
    title = f"{tenant.name} is archived"
    date = tenant.purge_after
    return render_page(request, "pages/archived.html", title=title, date=date)


@form_page(require_role("viewer"))
def change_password(request: MemberRequest) -> HttpResponse:
    def change(new_password: str, **_: str) -> None:
        accounts.change_password(request.auth, new_password)
        auth.update_session_auth_hash(request, request.auth.user)

    form = forms.ChangePasswordForm(request)
    done = "Your password was changed. You are logged out everywhere else."
    cancel = reverse("profile")
    return fill_in_form(request, form, change, "profile", done=done, cancel=cancel)


@form_page(require_role("viewer"))
def change_second_factor(request: MemberRequest) -> HttpResponse:
    """Switch the second factor on or off; the session keeps the secret until it is on."""
    user = request.auth.user
    tenant = request.auth.tenant_id
    if second_factor.is_on(user):

        def switch_off(**_: str) -> None:
            second_factor.switch_off(user, tenant=tenant, actor=user)
            auth.update_session_auth_hash(request, user)

        off = forms.SwitchOffForm(request)
        text = "The second factor is on. Without it, your password alone is enough to log in."
        done = "The second factor is off."
        return fill_in_form(request, off, switch_off, "profile", done=done, text=text)
    secret = request.session.setdefault(PENDING_FACTOR, second_factor.new_secret())

    def switch_on(code: str, **_: str) -> list[str]:
        codes = second_factor.switch_on(user, secret, code, tenant=tenant)
        auth.update_session_auth_hash(request, user)
        return codes

    form = forms.SwitchOnForm(request)
    if form.succeeds(switch_on):
        del request.session[PENDING_FACTOR]
        return render_page(request, "pages/second_factor.html", codes=form.result)
    qr = second_factor.qr_of(user, secret)
    return render_page(request, "pages/second_factor.html", form, secret=secret, qr=qr)


@require_role("viewer")
@require_safe
def switch(request: MemberRequest) -> HttpResponse:
    """List the user's tenants. Each needs its own log-in, since sessions belong to a tenant."""
    own = Membership.objects.for_user(request.auth.user).filter(is_active=True)
    own = own.filter(tenant__status__in=SERVED, tenant__domains__is_primary=True)
    own = own.annotate(name=F("tenant__name"), domain=F("tenant__domains__domain"))
    rows = own.order_by("name").values("role", "tenant_id", "name", "domain")
    places = [{**row, "url": tenant_address(row["domain"])} for row in rows]
    return render_page(request, "pages/switch.html", places=places)


@unguarded
def theme(request: HttpRequest) -> HttpResponse:
    """Return the tenant's colours as a stylesheet, since pages contain no inline styles."""
    rules = theme_of(TenantSettings(active_tenant()).get(BRAND_COLOR))
    return HttpResponse(rules, content_type="text/css", headers={"Cache-Control": "max-age=300"})


# Helpers


def _members() -> QuerySet[Membership]:
    return selectors.active_members(require_tenant().id)
