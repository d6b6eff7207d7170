"""Erasure of profiles."""

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.files.base import ContentFile

from apps.isolation import tenant_context
from apps.isolation.testing import make_member
from apps.privacy.data_subject import erase, tally
from apps.profiles.models import Profile
from apps.profiles.services import set_photo, update_profile
from apps.profiles.testing import picture

pytestmark = pytest.mark.django_db(transaction=True)


def test_erasure_deletes_the_profile_and_its_photo_here_only(acme: Any, globex: Any) -> None:
    user = make_member(acme, "member", "both@example.test").user
    make_member(globex, "member", "both@example.test")
    for tenant in (acme, globex):
        with tenant_context(tenant):
            update_profile(user.pk, display_name="Mia")
            set_photo(user.pk, ContentFile(picture()))
    with tenant_context(acme):
        assert tally(user.pk)["profiles.Profile.user"] == 1
        erase(user.pk)
        assert not Profile.objects.exists()
    with tenant_context(globex):
        assert Profile.objects.get().display_name == "Mia"
    stored = [path for path in Path(django_settings.MEDIA_ROOT).rglob("photos/*") if path.is_file()]
    assert [str(globex.id) in str(path) for path in stored] == [True]
