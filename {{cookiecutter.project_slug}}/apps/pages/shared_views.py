"""Pages of the shared host: sign-up, finding a workspace, verification, password resets."""

from collections.abc import Callable
from functools import partial

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_safe

from apps.authentication import services as accounts
from apps.authentication.decorators import View, open_to_all
from apps.pages import forms
from apps.pages.rendering import form_page, render_page, tenant_address
from apps.tenants.slugs import default_domain, is_label


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
        messages.success(
            request, "Your workspace is ready. Verify your address with the link in our mail."
        )
        return redirect(reverse("switch", query={"tenant": form.cleaned_data["tenant_slug"]}))
    return render_page(request, "pages/form.html", form)


@form_page(open_to_all)
def find(request: HttpRequest) -> HttpResponse:
    """Link to a tenant by its slug, whether the tenant exists or not."""
    form = forms.FindForm(request)
    named = {"tenant_slug": request.GET.get("tenant", "")}
    slug = (form.cleaned_data if form.is_valid() else named)["tenant_slug"]
    url = tenant_address(default_domain(slug)) if is_label(slug) else ""
    return render_page(request, "pages/form.html", form, url=url)


def _by_mail(form_class: type[forms.PageForm], service: Callable[..., object], done: str) -> View:
    """Return the view of an account's form, which a mailed token may authorise."""

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
