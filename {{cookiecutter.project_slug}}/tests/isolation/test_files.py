"""Only the tenant itself can read and write its files (CT23)."""

from collections.abc import Callable
from email.message import Message
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings as django_settings
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile
from django.core.files.storage import Storage, default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from apps.isolation import NoTenantError, tenant_context
from tests.isolation.conftest import Side
from tests.sample.models import Scan

SHARED = "localhost"

OPERATIONS: dict[str, Callable[[Storage, str], object]] = {
    "open": lambda storage, name: storage.open(name).close(),
    "save": lambda storage, name: storage.save(name, ContentFile(b"x")),
    "delete": lambda storage, name: storage.delete(name),
    "exists": lambda storage, name: storage.exists(name),
    "listdir": lambda storage, name: storage.listdir(name),
    "size": lambda storage, name: storage.size(name),
    "path": lambda storage, name: storage.path(name),
    "get_accessed_time": lambda storage, name: storage.get_accessed_time(name),
    "get_created_time": lambda storage, name: storage.get_created_time(name),
    "get_modified_time": lambda storage, name: storage.get_modified_time(name),
}
# These access no file, or only through the methods above; "url" always raises.
REACH_NO_FILE = {
    "generate_filename",
    "get_alternative_name",
    "get_available_name",
    "get_valid_name",
    "is_name_available",
    "url",
}
TRAVERSALS = [
    "../{theirs}/secret",
    "x/../../{theirs}/secret",
    "x/../../../etc/passwd",
    "./../{theirs}/secret",
    "..",
    "../{theirs}",
    "/{theirs}/secret",
    "{root}/{theirs}/secret",
    "/etc/passwd",
    "//etc/passwd",
    "..\\{theirs}\\secret",
    "x\\..\\..\\{theirs}\\secret",
    "x/./../../{theirs}/secret",
    "../{theirs}/secret\0.txt",
    "\0",
    ".",
    "x//y",
    "x/",
]
LITERALS = [
    "{theirs}/secret",
    "%2e%2e/{theirs}/secret",
    "..%2f{theirs}%2fsecret",
    "...",
    "....//....//{theirs}/secret".replace("//", "/"),
    "\uff0e\uff0e/{theirs}/secret",
    "~/secret",
]


def _secret(side: Side) -> Path:
    with tenant_context(side.tenant):
        name = default_storage.save("secret", ContentFile(b"CANARY " + side.tenant.slug.encode()))
        return Path(default_storage.path(name))


def _named(pattern: str, theirs: Side) -> str:
    return pattern.format(theirs=theirs.tenant.id, root=django_settings.MEDIA_ROOT)


def test_ct23_every_method_of_storage_is_tested() -> None:
    ways = {name for name in dir(Storage) if not name.startswith("_")}
    assert ways == set(OPERATIONS) | REACH_NO_FILE


@pytest.mark.parametrize("operation", OPERATIONS)
def test_ct23_names_cannot_leave_the_tenants_prefix(
    operation: str, sides: tuple[Side, Side]
) -> None:
    ours, theirs = sides
    _secret(theirs)
    before = _all_files()
    for pattern in TRAVERSALS:
        with tenant_context(ours.tenant), pytest.raises(SuspiciousFileOperation):
            OPERATIONS[operation](default_storage, _named(pattern, theirs))
            pytest.fail(f"{operation} of {pattern!r} was not refused")
    assert _all_files() == before


def test_ct23_harmless_names_are_accepted(sides: tuple[Side, Side]) -> None:
    ours, theirs = sides
    _secret(theirs)
    before = _all_files()
    for name in (_named(pattern, theirs) for pattern in LITERALS):
        with tenant_context(ours.tenant):
            assert not default_storage.exists(name)
            with pytest.raises(FileNotFoundError):
                default_storage.open(name)
            saved = default_storage.save(name, ContentFile(b"x"))
            assert str(ours.tenant.id) in Path(default_storage.path(saved)).parts
            default_storage.delete(saved)
        assert _all_files() == before


@pytest.mark.parametrize("operation", OPERATIONS)
def test_ct23_files_require_a_tenant(operation: str, sides: tuple[Side, Side]) -> None:
    _secret(sides[0])
    with pytest.raises(NoTenantError):
        OPERATIONS[operation](default_storage, "secret")


def test_ct23_tenants_may_use_the_same_name(sides: tuple[Side, Side]) -> None:
    paths = [_secret(side) for side in sides]
    assert len(set(paths)) == 2
    for side in sides:
        with tenant_context(side.tenant), default_storage.open("secret") as file:
            assert file.read() == b"CANARY " + side.tenant.slug.encode()
    with tenant_context(sides[0].tenant):
        default_storage.delete("secret")
    assert [path.exists() for path in paths] == [False, True]


@pytest.fixture
def attached(sides: tuple[Side, Side]) -> list[Any]:
    """Return the API's representation of a file of each tenant."""
    return [_attach(side, f"CANARY {side.tenant.slug}.txt") for side in sides]


def _attach(side: Side, name: str, content: bytes = b"") -> Any:
    content = content or b"CANARY " + side.tenant.slug.encode()
    response = side.client.post(
        f"/api/v1/sample/books/{side.book.pk}/scans/",
        {"file": SimpleUploadedFile(name, content)},
        format="multipart",
    )
    assert response.status_code == 201
    return response.json()


def test_ct23_files_have_no_public_url(sides: tuple[Side, Side], attached: list[Any]) -> None:
    """No host serves a file under a guessed URL, with any token."""
    ours, theirs = sides
    prefix, name = theirs.tenant.id, f"scans/{attached[1]['id']}"
    paths = [
        f"/{start}{middle}{name}"
        for start in ("", "media/", "static/", "files/", "static/../media/", "media/../media/")
        for middle in ("", f"{prefix}/", f"../{prefix}/", f"%2e%2e/{prefix}/")
    ]
    for host in ("acme.localhost", "globex.localhost", SHARED, "nobody.localhost"):
        for client in (APIClient(), ours.client, theirs.client):
            for path in paths:
                response = client.get(path, headers={"Host": host})
                assert response.status_code in {401, 404}, (host, path)
                assert b"CANARY" not in response.content, (host, path)


def test_ct23_content_requires_matching_host_and_token(
    sides: tuple[Side, Side], attached: list[Any]
) -> None:
    ours, theirs = sides
    path = f"/api/v1/sample/scans/{attached[1]['id']}/content/"
    asked = [
        ("globex.localhost", theirs.client, 200),
        (SHARED, theirs.client, 200),
        ("acme.localhost", theirs.client, 401),
        ("nobody.localhost", theirs.client, 404),
        ("globex.localhost", ours.client, 401),
        ("acme.localhost", ours.client, 404),
        (SHARED, ours.client, 404),
        ("globex.localhost", APIClient(), 401),
    ]
    for host, client, status in asked:
        response = client.get(path, headers={"Host": host})
        assert response.status_code == status, (host, status)
        body = b"".join(response)
        assert (b"CANARY" in body) == (status == 200), (host, status)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "sample/scans/{}/"),
        ("delete", "sample/scans/{}/"),
        ("get", "sample/scans/{}/content/"),
    ],
)
def test_ct23_foreign_file_looks_like_a_missing_one(
    method: str, path: str, sides: tuple[Side, Side], attached: list[Any]
) -> None:
    ours, _ = sides
    before = _all_files()
    answers = [
        getattr(ours.client, method)(f"/api/v1/{path.format(pk)}")
        for pk in (attached[1]["id"], uuid4())
    ]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].content == answers[1].content
    assert _all_files() == before


def test_ct23_file_cannot_be_attached_to_a_foreign_row(
    sides: tuple[Side, Side], attached: list[Any]
) -> None:
    ours, theirs = sides
    before = _all_files()
    answers = []
    for pk in (theirs.book.pk, uuid4()):
        path = f"/api/v1/sample/books/{pk}/scans/"
        answers.append((ours.client.get(path).status_code, ours.client.get(path).content))
        body = {"file": SimpleUploadedFile("x", b"x")}
        response = ours.client.post(path, body, format="multipart")
        answers.append((response.status_code, response.content))
    assert answers[:2] == answers[2:]
    assert {status for status, _ in answers} == {404}
    assert _all_files() == before


def test_ct23_row_with_a_foreign_file_name_opens_nothing(
    sides: tuple[Side, Side], attached: list[Any]
) -> None:
    ours, theirs = sides
    theirs_name = f"{theirs.tenant.id}/scans/{attached[1]['id']}"
    for name, status in ((f"../{theirs_name}", 400), (theirs_name, 503)):
        with tenant_context(ours.tenant):
            Scan.objects.update(file=name)
        response = ours.client.get(f"/api/v1/sample/scans/{attached[0]['id']}/content/")
        content = b"".join(response)
        assert (response.status_code, b"CANARY" in content) == (status, False)


HOSTILE_NAMES = [
    "../../../etc/passwd",
    "..\\..\\windows\\system.ini",
    "/etc/passwd",
    'a"; filename="b.exe',
    "a\r\nSet-Cookie: x=1.txt",
    "a\\r\\nb",
    "\u202egpj.exe",
    "日本語 ünï 🚀.txt",
    "a" * 300 + ".txt",
    "%2e%2e%2fpasswd",
    "a;b=c,d.txt",
    "&lt;script&gt;.txt",
    ".htaccess",
    "CON",
    "a\0b.txt",
    " ",
]


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=range(len(HOSTILE_NAMES)))
def test_ct23_uploaded_names_cannot_choose_the_place(name: str, sides: tuple[Side, Side]) -> None:
    """The body is hand-written, since client libraries refuse such names."""
    ours, _ = sides
    quoted = name.replace("\\", "\\\\").replace('"', '\\"').replace("\r\n", "%0D%0A")
    for header in (f'filename="{quoted}"', f"filename*=UTF-8''{_percent(name)}"):
        head = f'Content-Disposition: form-data; name="file"; {header}\r\nContent-Type: text/x'
        response = ours.client.generic(
            "POST",
            f"/api/v1/sample/books/{ours.book.pk}/scans/",
            f"--b\r\n{head}\r\n\r\nCANARY\r\n--b--\r\n".encode(),
            content_type="multipart/form-data; boundary=b",
        )
        assert response.status_code in {201, 400}, response.content
        if response.status_code == 400:
            continue
        created = response.json()
        place = Path(django_settings.MEDIA_ROOT, str(ours.tenant.id), "scans", created["id"])
        assert place.read_bytes() == b"CANARY"
        assert created["name"].isprintable()
        content = ours.client.get(f"/api/v1/sample/scans/{created['id']}/content/")
        assert b"".join(content) == b"CANARY"
        assert "Set-Cookie" not in content.headers
        disposition = Message()
        disposition["Content-Disposition"] = content.headers["Content-Disposition"]
        assert disposition.get_content_disposition() == "attachment"
        assert {path.parent for path in _all_files()} == {place.parent}


@pytest.mark.parametrize("encoding", ["nonsense", "utf-16", "idna", "hex", ""])
def test_ct23_name_in_an_unknown_encoding_is_a_bad_request(
    encoding: str, sides: tuple[Side, Side]
) -> None:
    ours, _ = sides
    ours.client.raise_request_exception = False
    header = f"filename*={encoding}''%ff%fe%00%d8.txt"
    head = f'Content-Disposition: form-data; name="file"; {header}'
    response = ours.client.generic(
        "POST",
        f"/api/v1/sample/books/{ours.book.pk}/scans/",
        f"--b\r\n{head}\r\n\r\nCANARY\r\n--b--\r\n".encode(),
        content_type="multipart/form-data; boundary=b",
    )
    assert response.status_code in {201, 400}, response.content


def _percent(name: str) -> str:
    return "".join(f"%{byte:02X}" for byte in name.encode())


def _all_files() -> dict[Path, bytes]:
    root = Path(django_settings.MEDIA_ROOT)
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
