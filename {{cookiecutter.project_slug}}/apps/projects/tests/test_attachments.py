"""Attachments over HTTP, and their stored files."""

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings as django_settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connections, transaction

from apps.isolation import tenant_context
from apps.isolation.testing import make_member
from apps.projects.models import Attachment, Project, Task
from apps.projects.services import attach, delete_attachment

pytestmark = pytest.mark.django_db(transaction=True)

FIELDS = {"id", "task", "name", "content_type", "size", "uploader", "created_at"}
ATTACHMENTS = "/api/v1/attachments/"
TEMPORARY = 3_000_000
"""Size of a file that Django stores in a temporary file during the upload."""


@pytest.fixture
def task(acme: Any) -> Task:
    """Return a task of acme."""
    with tenant_context(acme):
        project = Project.objects.create(name="Moon")
        return Task.objects.create(project=project, title="Land")


@pytest.fixture
def member(acme: Any, client_of: Callable[..., Any]) -> Any:
    """Return a client of a member of acme."""
    client = client_of(acme, "member")
    client.raise_request_exception = False
    return client


def _of(task: Task) -> str:
    return f"/api/v1/tasks/{task.pk}/attachments/"


def _file(
    content: bytes = b"one small step", name: str = "log.txt", kind: str = "text/plain"
) -> Any:
    return {"file": SimpleUploadedFile(name, content, kind)}


def _upload(client: Any, task: Task, *arguments: Any, **named: Any) -> Any:
    return client.post(_of(task), _file(*arguments, **named), format="multipart")


def _on_disk() -> list[Path]:
    return [path for path in Path(django_settings.MEDIA_ROOT).rglob("*") if path.is_file()]


def _read(response: Any) -> bytes:
    return b"".join(response)


@contextmanager
def full_disk(room: int) -> Iterator[None]:
    """Limit the size of files to ``room`` bytes; the kernel refuses further writes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [1, TEMPORARY])
def test_upload_and_download_are_equal(size: int, member: Any, acme: Any, task: Task) -> None:
    response = _upload(member, task, b"x" * size)
    assert response.status_code == 201
    created = response.json()
    assert set(created) == FIELDS
    me = str(acme.memberships.get(role="member").user_id)
    assert (
        created.items()
        >= {
            "task": str(task.pk),
            "name": "log.txt",
            "content_type": "text/plain",
            "size": size,
            "uploader": me,
        }.items()
    )
    path = f"{ATTACHMENTS}{created['id']}/"
    assert member.get(path).json() == created
    assert member.get(_of(task)).json() == {"next": None, "previous": None, "results": [created]}
    content = member.get(f"{path}content/")
    assert content.status_code == 200
    assert _read(content) == b"x" * size
    assert content.headers["Content-Length"] == str(size)


def test_file_is_sent_as_an_attachment(member: Any, task: Task) -> None:
    page = b"<script>alert(document.cookie)</script>"
    created = _upload(member, task, page, "page.html", "text/html").json()
    for accept in ("*/*", "text/html", "image/png", "nonsense"):
        response = member.get(f"{ATTACHMENTS}{created['id']}/content/", headers={"Accept": accept})
        assert response.status_code == 200
        assert _read(response) == page
        assert (
            response.headers.items()
            >= {
                "Content-Disposition": 'attachment; filename="page.html"',
                "Content-Type": "text/html",
                "X-Content-Type-Options": "nosniff",
                "Content-Security-Policy": "sandbox",
                "Cache-Control": "private, no-store",
            }.items()
        )


@pytest.mark.parametrize(
    "kind", ["", "nonsense", "text/x y", "a/" + "b" * 99, "text/html; a=b\x01"]
)
def test_invalid_content_type_is_replaced(kind: str, member: Any, acme: Any, task: Task) -> None:
    """The test calls the function, since the test client would not send such a header."""
    user = acme.memberships.get(role="member").user
    with tenant_context(acme):
        upload = SimpleUploadedFile("x", b"x", kind)
        assert attach(task, upload, user).content_type == "application/octet-stream"


@pytest.mark.parametrize(
    ("name", "kept"),
    [("\u202egpj.exe", "gpj.exe"), ("a\r\nSet-Cookie: b", "aSet-Cookie: b"), ("\u202e", "file")],
)
def test_invisible_characters_are_removed_from_a_name(
    name: str, kept: str, acme: Any, task: Task
) -> None:
    """The test calls the function, since Django's upload parser removes most of it already."""
    user = make_member(acme, "member").user
    with tenant_context(acme):
        assert attach(task, SimpleUploadedFile(name, b"x"), user).name == kept


def test_roles(acme: Any, member: Any, task: Task, client_of: Callable[..., Any]) -> None:
    viewer = client_of(acme, "viewer")
    path = f"{ATTACHMENTS}{_upload(member, task).json()['id']}/"
    for each in (_of(task), path):
        assert viewer.get(each).status_code == 200
    assert _read(viewer.get(f"{path}content/")) == b"one small step"
    assert _upload(viewer, task).status_code == 403
    assert viewer.delete(path).status_code == 403
    assert member.delete(path).status_code == 204


def test_download_checks_current_permissions(member: Any, task: Task, acme: Any) -> None:
    path = f"{ATTACHMENTS}{_upload(member, task).json()['id']}/content/"
    assert _read(member.get(path)) == b"one small step"
    type(acme.memberships.get()).platform.update(is_active=False)
    assert member.get(path).status_code == 401


def test_missing_object_is_not_found(member: Any, task: Task) -> None:
    missing = Task(pk=uuid4())
    assert member.get(_of(missing)).status_code == 404
    assert _upload(member, missing).status_code == 404
    for path in (f"{ATTACHMENTS}{uuid4()}/", f"{ATTACHMENTS}not-an-id/"):
        for each in (path, f"{path}content/"):
            assert member.get(each).json()["code"] == "not_found"
        assert member.delete(path).status_code == 404
    assert member.get(ATTACHMENTS).status_code == 404
    assert _on_disk() == []


@pytest.mark.parametrize(
    "body", [{}, {"file": ""}, {"file": "text"}, {"file": SimpleUploadedFile("x", b"")}]
)
def test_file_is_required(body: Any, member: Any, task: Task) -> None:
    response = member.post(_of(task), body, format="multipart")
    assert response.status_code == 400
    assert list(response.json()) == ["file"]
    assert _on_disk() == []


def test_read_only_fields_are_ignored(acme: Any, member: Any, task: Task) -> None:
    other = str(make_member(acme, "admin").user_id)
    said = {"uploader": other, "name": "x", "size": 7, "content_type": "a/b", "id": str(uuid4())}
    created = member.post(_of(task), _file() | said, format="multipart").json()
    assert not created.items() & said.items()


def test_json_upload_is_refused(member: Any, task: Task) -> None:
    response = member.post(_of(task), {"file": "text"}, format="json")
    assert (response.status_code, response.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("size", [1001, TEMPORARY])
def test_too_large_file_is_refused(size: int, member: Any, task: Task, settings: Any) -> None:
    """By its size, or by the length of the body before any of it is stored."""
    settings.ATTACHMENT_MAX_BYTES = 1000
    settings.FILE_UPLOAD_TEMP_DIR = "/nowhere"
    assert _upload(member, task, b"x" * 1000).status_code == 201
    response = _upload(member, task, b"x" * size)
    assert response.status_code == 413
    assert response.json() == {
        "detail": "A file may have at most 1000\xa0bytes.",
        "code": "file_too_large",
    }
    assert len(_on_disk()) == 1


def test_file_is_deleted_with_its_row(member: Any, task: Task) -> None:
    path = f"{ATTACHMENTS}{_upload(member, task).json()['id']}/"
    assert len(_on_disk()) == 1
    assert member.delete(path).status_code == 204
    assert member.get(f"{path}content/").status_code == 404
    assert _on_disk() == []


@pytest.mark.parametrize("what", ["task", "project"])
def test_file_is_deleted_with_the_parent_row(what: str, member: Any, task: Task) -> None:
    _upload(member, task)
    pk = task.pk if what == "task" else task.project_id
    assert member.delete(f"/api/v1/{what}s/{pk}/").status_code == 204
    assert _on_disk() == []


def test_file_stays_until_the_deletion_commits(member: Any, acme: Any, task: Task) -> None:
    _upload(member, task)
    with tenant_context(acme):
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            delete_attachment(Attachment.objects.get())
            assert len(_on_disk()) == 1
            1 / 0  # noqa: B018
        assert Attachment.objects.exists()
        assert len(_on_disk()) == 1
        with transaction.atomic():
            delete_attachment(Attachment.objects.get())
            assert len(_on_disk()) == 1
    assert _on_disk() == []


def test_failed_insert_leaves_no_file(acme: Any, task: Task) -> None:
    user = make_member(acme, "member").user
    with tenant_context(acme):
        gone = Task(project=task.project, title="gone")
        with pytest.raises(IntegrityError):
            attach(gone, SimpleUploadedFile("x", b"x"), user)
        assert not Attachment.objects.exists()
    assert _on_disk() == []


def test_upload_inside_a_transaction_is_refused(acme: Any, task: Task) -> None:
    user = make_member(acme, "member").user
    with tenant_context(acme), transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        attach(task, SimpleUploadedFile("x", b"x"), user)
    assert _on_disk() == []


def test_full_disk_leaves_no_incomplete_file(member: Any, acme: Any, task: Task) -> None:
    with full_disk(room=1000):
        response = _upload(member, task, b"x" * 5000)
    assert response.status_code == 503
    assert response.json() == {
        "detail": "Files cannot be stored or read at present.",
        "code": "files_unavailable",
    }
    assert _on_disk() == []
    with tenant_context(acme):
        assert not Attachment.objects.exists()
    assert _upload(member, task).status_code == 201


def test_unusable_folder_is_reported(member: Any, acme: Any, task: Task) -> None:
    """A file is in the folder's place, since permissions would not stop root."""
    folder = Path(django_settings.MEDIA_ROOT) / str(acme.id)
    folder.mkdir(parents=True)
    (folder / "attachments").touch()
    response = _upload(member, task)
    assert (response.status_code, response.json()["code"]) == (503, "files_unavailable")
    with tenant_context(acme):
        assert not Attachment.objects.exists()


def test_missing_temporary_folder_is_reported(member: Any, task: Task, settings: Any) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = "/nowhere"
    response = _upload(member, task, b"x" * TEMPORARY)
    assert (response.status_code, response.json()["code"]) == (503, "files_unavailable")
    assert _on_disk() == []


def test_missing_file_is_reported(member: Any, task: Task) -> None:
    path = f"{ATTACHMENTS}{_upload(member, task).json()['id']}/"
    _on_disk()[0].unlink()
    response = member.get(f"{path}content/")
    assert (response.status_code, response.json()["code"]) == (503, "files_unavailable")
    assert member.delete(path).status_code == 204


def test_files_are_readable_by_the_server_only(member: Any, task: Task) -> None:
    _upload(member, task)
    _upload(member, task, b"x" * TEMPORARY)
    for path in _on_disk():
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700


def test_download_holds_no_transaction(member: Any, task: Task) -> None:
    path = f"{ATTACHMENTS}{_upload(member, task).json()['id']}/content/"
    response = member.get(path)
    assert not any(connection.in_atomic_block for connection in connections.all())
    assert _read(response) == b"one small step"


def test_str_is_the_name() -> None:
    assert str(Attachment(name="log.txt")) == "log.txt"


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        (10, [(5, 201), (5, 201), (1, 413)]),
        (10, [(11, 413)]),
        (10, [(6, 201), (5, 413), (4, 201)]),
        (0, [(5, 201), (5, 201), (5, 201)]),
    ],
)
def test_storage_of_a_tenant_is_limited(
    most: int, expected: list[tuple[int, int]], member: Any, task: Task, settings: Any
) -> None:
    settings.TENANT_STORAGE_BYTES = most
    for size, status in expected:
        response = _upload(member, task, b"x" * size)
        assert response.status_code == status
        assert status == 201 or response.json()["code"] == "storage_full"
    assert len(_on_disk()) == [status for _, status in expected].count(201)


def test_deletion_frees_storage(member: Any, task: Task, settings: Any) -> None:
    settings.TENANT_STORAGE_BYTES = 10
    first = _upload(member, task, b"x" * 10).json()["id"]
    assert _upload(member, task, b"x").status_code == 413
    member.delete(f"{ATTACHMENTS}{first}/")
    assert _upload(member, task, b"x").status_code == 201


def test_other_tenants_files_do_not_count(
    member: Any, task: Task, globex: Any, settings: Any
) -> None:
    settings.TENANT_STORAGE_BYTES = 10
    assert _upload(member, task, b"x" * 10).status_code == 201
    with tenant_context(globex):
        project = Project.objects.create(name="Moon")
        other = Task.objects.create(project=project, title="Land")
        attach(other, SimpleUploadedFile("a", b"x" * 10), make_member(globex, "member").user)


def test_body_without_free_storage_is_not_read(member: Any, task: Task, settings: Any) -> None:
    settings.TENANT_STORAGE_BYTES = 10
    kind, length = "multipart/form-data; boundary=x", str(1_000_000)
    response = member.generic("POST", _of(task), b"nothing", kind, CONTENT_LENGTH=length)
    assert (response.status_code, response.json()["code"]) == (413, "storage_full")
