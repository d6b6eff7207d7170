"""Pages of the shared host: sign-up, finding a workspace, verification, password resets."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

from django.contrib import messages
from django.core.signing import BadSignature, TimestampSigner
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe
from django_htmx.http import HttpResponseClientRedirect

from apps.authentication import services as accounts
from apps.authentication.decorators import View, open_to_all
from apps.authentication.sign_up import sign_up as register
from apps.pages import forms
from apps.pages.rendering import form_page, render_page, tenant_address
from apps.tenants.models import Status, Tenant
from apps.tenants.slugs import default_domain, is_label

SHOWN_FOR = timedelta(days=1)
LATE_AFTER = timedelta(minutes=1)

_signer = TimestampSigner(salt="preparation")


@open_to_all
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    return render_page(request, "pages/home.html")


@form_page(open_to_all)
def sign_up(request: HttpRequest) -> HttpResponse:
    accounts.require_open(request)
    form = forms.SignUpForm(request)

    def create(tenant_name: str, tenant_slug: str, **who: str) -> Tenant:
        user = accounts.new_or_known_user(request, **who)
        return register(user, tenant_name=tenant_name, tenant_slug=tenant_slug)

    if form.succeeds(create):
        return redirect("preparation", preparation_token(form.result))
    return render_page(request, "pages/form.html", form)


def preparation_token(tenant: Tenant) -> str:
    """Return a token by which the person who signed up can see the preparation, for a day."""
    return _signer.sign(str(tenant.pk))


@open_to_all
@require_safe
def preparation(request: HttpRequest, token: str) -> HttpResponse:
    """Show whether the workspace is ready, to the person who signed up for it."""
    try:
        pk = _signer.unsign(token, max_age=SHOWN_FOR)
    except BadSignature:
        raise Http404 from None
    tenant = Tenant.objects.filter(pk=pk).first()
    if tenant is None or tenant.status == Status.PREPARING:
        return render_page(
            request,
            "pages/preparation.html",
            title="Your workspace",
            is_polling=True,
            is_late=tenant is None or timezone.now() - tenant.created_at > LATE_AFTER,
        )
    messages.success(
        request, "Your workspace is ready. Verify your address with the link in our mail."
    )
    place = reverse("switch", query={"tenant": tenant.slug})
    return HttpResponseClientRedirect(place) if "HX-Request" in request.headers else redirect(place)


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
