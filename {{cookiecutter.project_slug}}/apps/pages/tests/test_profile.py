"""The pages of the user's profile."""

from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from apps.pages.testing import Visit
from apps.profiles import photos
from apps.profiles.testing import picture

pytestmark = pytest.mark.django_db(transaction=True)


def test_profile_page_changes_names_and_title(visit: Visit) -> None:
    client = visit("viewer")
    body = {"full_name": "Mia Moon", "display_name": "<Mia>", "title": "Pilot"}
    assert client.post("/profile/", body)["Location"] == "/profile/"
    page = client.get("/members/").content.decode()
    assert "&lt;Mia&gt; (you)" in page
    assert "Pilot" in page
    assert "<img" not in page


def test_photo_page_shows_replaces_and_removes_the_photo(visit: Visit) -> None:
    client = visit("viewer")
    body = {"photo": SimpleUploadedFile("me.png", picture(), "image/png")}
    assert client.post("/profile/photo/", body)["Location"] == "/profile/photo/"
    page = client.get("/profile/photo/").content.decode()
    source = page.partition('<img class="photo" src="')[2].partition('"')[0]
    image: Any = client.get(source)
    assert Image.open(BytesIO(b"".join(image.streaming_content))).size == (photos.SIDE, photos.SIDE)
    assert client.post("/profile/photo/remove/")["Location"] == "/profile/photo/"
    assert "<img" not in client.get("/profile/photo/").content.decode()
    assert client.get(source).status_code == 404


def test_photo_page_explains_a_refusal(visit: Visit, settings: Any) -> None:
    client = visit("viewer")
    response = client.post("/profile/photo/", {"photo": SimpleUploadedFile("x", b"no picture")})
    assert response.status_code == 400
    assert "JPEG, PNG or WebP, with" in response.content.decode()
    settings.PHOTO_MAX_BYTES = 5
    response = client.post("/profile/photo/", {"photo": SimpleUploadedFile("x", picture())})
    assert response.status_code == 400
    assert "A picture may have at most" in response.content.decode()
