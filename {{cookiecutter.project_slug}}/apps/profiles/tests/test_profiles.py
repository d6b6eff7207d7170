"""Profiles of members, which each tenant keeps apart."""

from collections.abc import Callable
from errno import ENOSPC
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings as django_settings
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections, transaction
from django.test.utils import CaptureQueriesContext
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from apps.isolation import NoTenantError, WrongTenantError, tenant_context
from apps.isolation.testing import api_client, make_member
from apps.profiles import photos
from apps.profiles.exceptions import PhotoInvalid
from apps.profiles.models import Profile
from apps.profiles.services import remove_photo, set_photo, update_profile
from apps.profiles.testing import picture

pytestmark = pytest.mark.django_db(transaction=True)

ME, PHOTO, MEMBERS = "/api/v1/me/", "/api/v1/me/photo/", "/api/v1/members/"
EMPTY = {"display_name": "", "title": "", "photo": None}


@pytest.fixture
def viewer(acme: Any, client_of: Callable[..., Any]) -> Any:
    """Return a client of a Viewer of acme, who may change their own profile."""
    return client_of(acme, "viewer")


def upload(client: Any, content: bytes) -> Any:
    body = {"photo": SimpleUploadedFile("me.png", content, "image/png")}
    return client.put(PHOTO, body, format="multipart")


def stored() -> list[Path]:
    folders = Path(django_settings.MEDIA_ROOT).rglob("photos/*")
    return [path for path in folders if path.is_file()]


def content_of(response: Any) -> bytes:
    return b"".join(response.streaming_content)


# The API


def test_profile_is_empty_at_first_and_creates_no_row(viewer: Any, acme: Any) -> None:
    assert viewer.get(ME).json()["profile"] == EMPTY
    assert viewer.get(MEMBERS).json()["results"][0]["profile"] == EMPTY
    with tenant_context(acme):
        assert not Profile.objects.exists()


def test_change_of_the_profile_is_shown_to_all_members(
    viewer: Any, acme: Any, client_of: Callable[..., Any]
) -> None:
    changed = {**EMPTY, "display_name": "Mia", "title": "Pilot"}
    body = {"full_name": "Mia Moon", "profile": {"display_name": "Mia", "title": "Pilot"}}
    answer = viewer.patch(ME, body)
    assert (answer.status_code, answer.json()["profile"]) == (200, changed)
    assert answer.json()["user"]["full_name"] == "Mia Moon"
    members = client_of(acme, "member").get(MEMBERS).json()["results"]
    assert [each["profile"] for each in members] == [EMPTY, changed]
    answer = viewer.patch(ME, {"profile": {"title": "Captain"}})
    assert answer.json()["profile"] == {**changed, "title": "Captain"}
    assert viewer.patch(ME, {"full_name": "Mia"}).json()["profile"]["title"] == "Captain"


@pytest.mark.parametrize(
    "wrong", [{"title": "x" * 101}, {"display_name": None}, "Pilot", [], {"title": {"a": 1}}]
)
def test_invalid_profile_changes_nothing(viewer: Any, wrong: Any) -> None:
    answer = viewer.patch(ME, {"full_name": "Mia Moon", "profile": wrong})
    assert (answer.status_code, list(answer.json())) == (400, ["profile"])
    assert viewer.get(ME).json()["user"]["full_name"] == ""


def test_list_of_members_reads_all_profiles_at_once(acme: Any, viewer: Any) -> None:
    for number in range(5):
        user = make_member(acme, "member", f"{number}@acme.test").user
        with tenant_context(acme):
            update_profile(user.pk, title=f"Number {number}")
    with tenant_context(acme):
        connection = connections[Profile.objects.db]
    with CaptureQueriesContext(connection) as queries:
        titles = [each["profile"]["title"] for each in viewer.get(MEMBERS).json()["results"]]
    assert titles == [*(f"Number {number}" for number in reversed(range(5))), ""]
    assert sum('"profiles_profile"' in each["sql"] for each in queries) == 1


def test_profiles_of_one_user_in_two_tenants_are_apart(acme: Any, globex: Any) -> None:
    clients = []
    for tenant in (acme, globex):
        make_member(tenant, "member", "both@example.test")
        clients.append(api_client(tenant, "both@example.test"))
    here, there = clients
    here.patch(ME, {"profile": {"display_name": "Boss of acme"}})
    assert upload(here, picture()).status_code == 200
    assert there.get(ME).json()["profile"] == EMPTY
    assert there.get(MEMBERS).json()["results"][0]["profile"] == EMPTY
    photo = here.get(ME).json()["profile"]["photo"]
    assert there.get(photo).status_code == 404
    assert content_of(here.get(photo))


# Photos


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_photo_is_stored_small_square_and_without_metadata(viewer: Any, kind: str) -> None:
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    answer = upload(viewer, picture(kind, (600, 400), exif=exif))
    assert answer.status_code == 200
    response = viewer.get(answer.json()["photo"])
    assert response["Content-Type"] == "image/webp"
    content = content_of(response)
    image = Image.open(BytesIO(content))
    assert (image.format, image.size) == ("WEBP", (photos.SIDE, photos.SIDE))
    assert b"taken at home" not in content
    assert not image.getexif()


def test_photo_is_turned_upright(viewer: Any) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    image = Image.new("RGB", (300, 300), "red")
    image.paste("blue", (0, 0, 300, 150))
    to = BytesIO()
    image.save(to, "JPEG", exif=exif)
    photo = upload(viewer, to.getvalue()).json()["photo"]
    shown = Image.open(BytesIO(content_of(viewer.get(photo)))).convert("RGB")
    pixel: Any = shown.getpixel((128, 20))
    red, _, blue = pixel
    assert red > blue


def test_new_photo_replaces_the_earlier_one_and_its_file(viewer: Any) -> None:
    first = upload(viewer, picture()).json()["photo"]
    second = upload(viewer, picture(color="blue")).json()["photo"]
    assert first != second
    assert len(stored()) == 1
    assert viewer.delete(PHOTO).status_code == 204
    assert viewer.get(second).status_code == 404
    assert viewer.get(ME).json()["profile"]["photo"] is None
    assert stored() == []
    assert viewer.delete(PHOTO).status_code == 204  # there is none


def test_removal_without_a_profile_creates_none(viewer: Any, acme: Any) -> None:
    assert viewer.delete(PHOTO).status_code == 204
    with tenant_context(acme):
        assert not Profile.objects.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"GIF89a",
        picture("GIF"),
        picture("BMP"),
        picture()[:-300],
        picture("PNG")[:60],
        picture("JPEG")[:200],
        b"\x89PNG\r\n\x1a\n" + b"\0" * 40,
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    ],
    ids=["empty", "svg", "gif", "whole gif", "bmp", "cut", "cut png", "cut jpeg", "zeros", "eps"],
)
def test_upload_that_is_no_picture_is_refused(viewer: Any, content: bytes) -> None:
    answer = upload(viewer, content)
    assert (answer.status_code, list(answer.json())) == (400, ["photo"])
    assert stored() == []


def test_picture_with_too_many_pixels_is_refused_before_it_is_decoded(
    viewer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photos, "MOST_PIXELS", 100 * 100)
    decoded: list[object] = []

    def note(image: object) -> None:
        decoded.append(image)

    monkeypatch.setattr(PngImageFile, "load_prepare", note)
    assert upload(viewer, picture(size=(101, 100))).status_code == 400
    assert not decoded
    monkeypatch.undo()
    monkeypatch.setattr(photos, "MOST_PIXELS", 100 * 100)
    assert upload(viewer, picture(size=(100, 100))).status_code == 200


@pytest.mark.parametrize("size", [1001, 100_000])
def test_body_that_is_too_large_is_refused(viewer: Any, settings: Any, size: int) -> None:
    settings.PHOTO_MAX_BYTES = 1000
    answer = upload(viewer, b"x" * size)
    assert (answer.status_code, answer.json()["code"]) == (413, "file_too_large")


def test_body_without_a_photo_is_refused(viewer: Any) -> None:
    answer = viewer.put(PHOTO, {}, format="multipart")
    assert (answer.status_code, list(answer.json())) == (400, ["photo"])
    assert viewer.put(PHOTO, {"photo": "x"}, format="json").status_code == 415


def test_photo_of_nobody_is_not_found(viewer: Any) -> None:
    assert viewer.get(f"/api/v1/profiles/{uuid4()}/photo/").status_code == 404


def test_unusable_folder_is_reported_and_keeps_the_earlier_photo(viewer: Any, acme: Any) -> None:
    """A file is in the folder's place, since permissions would not stop root."""
    photo = upload(viewer, picture()).json()["photo"]
    folder = Path(django_settings.MEDIA_ROOT) / str(acme.id) / "photos"
    folder.rename(folder.with_name("aside"))
    folder.touch()
    answer = upload(viewer, picture())
    assert (answer.status_code, answer.json()["code"]) == (503, "files_unavailable")
    folder.unlink()
    folder.with_name("aside").rename(folder)
    assert viewer.get(ME).json()["profile"]["photo"] == photo
    assert content_of(viewer.get(photo))


def test_full_disk_leaves_no_incomplete_file(viewer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def write_some(storage: Any, name: str, content: Any) -> str:
        path = Path(storage.path(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.read()[:10])
        raise OSError(ENOSPC, "No space left on device")

    monkeypatch.setattr(FileSystemStorage, "_save", write_some)
    answer = upload(viewer, picture())
    assert (answer.status_code, answer.json()["code"]) == (503, "files_unavailable")
    assert stored() == []


def test_lost_photo_is_not_found(viewer: Any, caplog: pytest.LogCaptureFixture) -> None:
    photo = upload(viewer, picture()).json()["photo"]
    stored()[0].unlink()
    assert viewer.get(photo).status_code == 404
    assert "Traceback" not in caplog.text
    assert viewer.delete(PHOTO).status_code == 204


def test_profile_of_a_member_of_another_tenant_is_refused(acme: Any, globex: Any) -> None:
    member = make_member(globex, "member")
    with tenant_context(acme), pytest.raises(WrongTenantError):
        _ = member.display_name
    with pytest.raises(NoTenantError):
        _ = member.profile


def test_failed_change_leaves_no_file(acme: Any) -> None:
    user = make_member(acme, "member").user
    upload = ContentFile(picture())
    with tenant_context(acme), transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        set_photo(user.pk, upload)
    assert stored() == []


def test_removal_that_is_rolled_back_keeps_the_file(acme: Any) -> None:
    user = make_member(acme, "member").user
    with tenant_context(acme):
        set_photo(user.pk, ContentFile(picture()))
        with pytest.raises(PhotoInvalid), transaction.atomic():
            remove_photo(user.pk)
            raise PhotoInvalid(1)
        assert Profile.objects.get().photo
    assert len(stored()) == 1
