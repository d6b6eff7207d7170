"""Services for profiles in the active tenant. The API and the pages use these functions."""

from contextlib import suppress
from functools import partial
from typing import TypedDict, Unpack
from uuid import UUID

from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction

from apps.api.uploads import storage_errors
from apps.profiles.models import Profile, new_place
from apps.profiles.photos import converted, require_size


class ProfileFields(TypedDict, total=False):
    """Fields that users may change in their own profile."""

    display_name: str
    title: str


def update_profile(user_id: UUID, **fields: Unpack[ProfileFields]) -> Profile:
    """Change a user's profile, or create it."""
    profile, _ = Profile.objects.update_or_create(user_id=user_id, defaults=fields)
    return profile


def set_photo(user_id: UUID, upload: File[bytes]) -> Profile:
    """Store a photo, which replaces the earlier one.

    This needs its own transaction: if a surrounding one failed later, the file would remain. Raises
    `PhotoTooLarge` or `PhotoInvalid` if the upload cannot be used, and `FilesUnavailable`.
    """
    require_size(upload.size)
    photo = converted(upload)
    place = new_place()
    try:
        with storage_errors(), transaction.atomic(durable=True):
            default_storage.save(place, photo)
            return _change_photo(user_id, place)
    except BaseException:
        with suppress(OSError):
            default_storage.delete(place)
        raise


@transaction.atomic
def remove_photo(user_id: UUID) -> None:
    """Delete a user's photo, if there is one."""
    if Profile.objects.exclude(photo="").filter(user_id=user_id).exists():
        _change_photo(user_id, "")


def _change_photo(user_id: UUID, place: str) -> Profile:
    """Set the path of a photo; after COMMIT, delete the earlier file."""
    profile, _ = Profile.objects.select_for_update().get_or_create(user_id=user_id)
    earlier = profile.photo.name
    profile.photo = place
    profile.save(update_fields=["photo", "updated_at"])
    if earlier:
        transaction.on_commit(partial(default_storage.delete, earlier), robust=True)
    return profile
