"""Pages of exports: an Owner orders an archive of the workspace, and downloads it."""

from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import FileResponse, Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_safe

from apps.api.downloads import download
from apps.authentication.decorators import MemberRequest, require_role
from apps.exports import services
from apps.exports.exceptions import TenantExportTooLarge, TenantExportTooSoon
from apps.exports.models import TenantExport, name_of
from apps.isolation import require_tenant
from apps.memberships.models import Membership
from apps.pages import forms
from apps.pages.rendering import form_page, paginate, redirect_with_message, render_page

DONE = "The export was ordered. All Owners get a mail when it is ready."


@form_page(require_role("owner"))
def exports(request: MemberRequest) -> HttpResponse:
    """List the exports, and ask for the password to order one."""
    form = forms.ExportForm(request)
    if form.succeeds(lambda **_: _order(request.auth)):
        return redirect_with_message(request, DONE, "exports")
    rows = TenantExport.objects.for_tenant(require_tenant())
    context = {"title": "Exports", "cancel": reverse("settings")}
    return render_page(request, "pages/exports.html", form, **context, **paginate(request, rows))


def _order(member: Membership) -> TenantExport:
    """Order an export; show a refusal in the form."""
    try:
        return services.order(member)
    except (TenantExportTooLarge, TenantExportTooSoon) as error:
        raise ValidationError(str(error.detail)) from error


@require_role("owner")
@require_safe
def download_export(request: MemberRequest, export_id: UUID) -> FileResponse:
    """Send the archive of an export."""
    export = get_object_or_404(TenantExport.objects.for_tenant(require_tenant()), pk=export_id)
    try:
        file = services.read(request.auth, export)
    except FileNotFoundError:
        raise Http404 from None
    return download(file, name_of(export), "application/x-tar")
