"""Pages of the user's profile: names, title and photo."""

from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.http import FileResponse, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from apps.authentication import services as accounts
from apps.authentication.decorators import MemberRequest, require_role
from apps.pages import forms
from apps.pages.rendering import (
    fill_in_form,
    form_page,
    redirect_with_message,
    render_page,
)
from apps.profiles import photos, services
from apps.profiles.models import Profile
from apps.profiles.selectors import profile_of

LINKS = {
    "change-photo": "Photo",
    "change-password": "Change your password",
    "second-factor": "Second factor",
}


@form_page(require_role("viewer"))
def profile(request: MemberRequest) -> HttpResponse:
    user = request.auth.user
    found = profile_of(user.pk)

    def change(full_name: str, display_name: str, title: str) -> None:
        services.update_profile(user.pk, display_name=display_name, title=title)
        accounts.update_user(user, full_name=full_name)

    form = forms.ProfileForm(
        request, full_name=user.full_name, display_name=found.display_name, title=found.title
    )
    links = {reverse(at): LINKS[at] for at in LINKS}
    done = "Your profile was changed."
    return fill_in_form(request, form, change, "profile", done=done, links=links)


@form_page(require_role("viewer"))
def change_photo(request: MemberRequest) -> HttpResponse:
    """Show the user's photo, and replace it."""
    user_id = request.auth.user_id
    form = forms.PhotoForm(request)

    def change(photo: UploadedFile[bytes]) -> Profile:
        return services.set_photo(user_id, photo)

    if form.succeeds(change):
        return redirect_with_message(request, "Your photo was changed.", "change-photo")
    return render_page(request, "pages/photo.html", form, profile=profile_of(user_id))


@require_role("viewer")
@require_POST
def remove_photo(request: MemberRequest) -> HttpResponse:
    """Delete the user's photo."""
    services.remove_photo(request.auth.user_id)
    return redirect_with_message(request, "Your photo was removed.", "change-photo")


@require_role("viewer")
@require_safe
def photo(request: MemberRequest, user_id: UUID) -> FileResponse:
    """Send the photo of a user."""
    found = get_object_or_404(Profile.objects.exclude(photo=""), user_id=user_id)
    return photos.send_photo(found)
