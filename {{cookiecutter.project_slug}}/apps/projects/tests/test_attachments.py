"""Attachments over HTTP, and what becomes of their files."""

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
"""Bytes of a file that Django keeps in a temporary file, and not in memory, while it comes in."""


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
    """Let no file grow beyond ``room`` bytes: the kernel writes so many and refuses the rest."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [1, TEMPORARY])
def test_what_was_uploaded_is_what_is_read(size: int, member: Any, acme: Any, task: Task) -> None:
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


def test_a_file_is_sent_to_be_saved_and_never_to_be_shown(member: Any, task: Task) -> None:
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
def test_a_type_that_is_none_is_not_believed(kind: str, member: Any, acme: Any, task: Task) -> None:
    """Asked of the function: the client of these tests would not send such a header."""
    user = acme.memberships.get(role="member").user
    with tenant_context(acme):
        upload = SimpleUploadedFile("x", b"x", kind)
        assert attach(task, upload, user).content_type == "application/octet-stream"


@pytest.mark.parametrize(
    ("name", "kept"),
    [("\u202egpj.exe", "gpj.exe"), ("a\r\nSet-Cookie: b", "aSet-Cookie: b"), ("\u202e", "file")],
)
def test_what_cannot_be_seen_is_taken_out_of_a_name(
    name: str, kept: str, acme: Any, task: Task
) -> None:
    """Asked of the function: Django's parser of uploads takes most of it out already."""
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


def test_a_file_is_read_by_whoever_may_at_that_moment(member: Any, task: Task, acme: Any) -> None:
    path = f"{ATTACHMENTS}{_upload(member, task).json()['id']}/content/"
    assert _read(member.get(path)) == b"one small step"
    type(acme.memberships.get()).platform.update(is_active=False)
    assert member.get(path).status_code == 401


def test_what_is_not_there(member: Any, task: Task) -> None:
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
def test_a_file_is_required(body: Any, member: Any, task: Task) -> None:
    response = member.post(_of(task), body, format="multipart")
    assert response.status_code == 400
    assert list(response.json()) == ["file"]
    assert _on_disk() == []


def test_what_is_not_the_clients_to_say_is_ignored(acme: Any, member: Any, task: Task) -> None:
    other = str(make_member(acme, "admin").user_id)
    said = {"uploader": other, "name": "x", "size": 7, "content_type": "a/b", "id": str(uuid4())}
    created = member.post(_of(task), _file() | said, format="multipart").json()
    assert not created.items() & said.items()


def test_json_is_no_upload(member: Any, task: Task) -> None:
    response = member.post(_of(task), {"file": "text"}, format="json")
    assert (response.status_code, response.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("size", [1001, TEMPORARY])
def test_a_file_that_is_too_large_is_refused(
    size: int, member: Any, task: Task, settings: Any
) -> None:
    """By its size, or already by the length of the body, before any of that is stored."""
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


def test_a_file_goes_with_its_row(member: Any, task: Task) -> None:
    path = f"{ATTACHMENTS}{_upload(member, task).json()['id']}/"
    assert len(_on_disk()) == 1
    assert member.delete(path).status_code == 204
    assert member.get(f"{path}content/").status_code == 404
    assert _on_disk() == []


@pytest.mark.parametrize("what", ["task", "project"])
def test_a_file_goes_with_what_its_row_belongs_to(what: str, member: Any, task: Task) -> None:
    _upload(member, task)
    pk = task.pk if what == "task" else task.project_id
    assert member.delete(f"/api/v1/{what}s/{pk}/").status_code == 204
    assert _on_disk() == []


def test_a_file_stays_until_its_row_is_gone_for_good(member: Any, acme: Any, task: Task) -> None:
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


def test_a_row_that_cannot_be_written_leaves_no_file(acme: Any, task: Task) -> None:
    user = make_member(acme, "member").user
    with tenant_context(acme):
        gone = Task(project=task.project, title="gone")
        with pytest.raises(IntegrityError):
            attach(gone, SimpleUploadedFile("x", b"x"), user)
        assert not Attachment.objects.exists()
    assert _on_disk() == []


def test_a_file_is_not_attached_inside_of_another_transaction(acme: Any, task: Task) -> None:
    user = make_member(acme, "member").user
    with tenant_context(acme), transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        attach(task, SimpleUploadedFile("x", b"x"), user)
    assert _on_disk() == []


def test_on_a_full_disk_nothing_is_half_made(member: Any, acme: Any, task: Task) -> None:
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


def test_a_folder_that_is_not_ours_is_told(member: Any, acme: Any, task: Task) -> None:
    """A file in the folder's place: a missing permission would not stop root."""
    folder = Path(django_settings.MEDIA_ROOT) / str(acme.id)
    folder.mkdir(parents=True)
    (folder / "attachments").touch()
    response = _upload(member, task)
    assert (response.status_code, response.json()["code"]) == (503, "files_unavailable")
    with tenant_context(acme):
        assert not Attachment.objects.exists()


def test_a_temporary_folder_that_is_missing_is_told(member: Any, task: Task, settings: Any) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = "/nowhere"
    response = _upload(member, task, b"x" * TEMPORARY)
    assert (response.status_code, response.json()["code"]) == (503, "files_unavailable")
    assert _on_disk() == []


def test_a_file_that_is_missing_is_told(member: Any, task: Task) -> None:
    path = f"{ATTACHMENTS}{_upload(member, task).json()['id']}/"
    _on_disk()[0].unlink()
    response = member.get(f"{path}content/")
    assert (response.status_code, response.json()["code"]) == (503, "files_unavailable")
    assert member.delete(path).status_code == 204


def test_files_are_for_the_server_alone_to_read(member: Any, task: Task) -> None:
    _upload(member, task)
    _upload(member, task, b"x" * TEMPORARY)
    for path in _on_disk():
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700


def test_connections_are_in_no_transaction_while_a_file_is_sent(member: Any, task: Task) -> None:
    path = f"{ATTACHMENTS}{_upload(member, task).json()['id']}/content/"
    response = member.get(path)
    assert not any(connection.in_atomic_block for connection in connections.all())
    assert _read(response) == b"one small step"


def test_it_says_its_name() -> None:
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
def test_a_tenant_has_so_many_bytes_and_no_more(
    most: int, expected: list[tuple[int, int]], member: Any, task: Task, settings: Any
) -> None:
    settings.TENANT_STORAGE_BYTES = most
    for size, status in expected:
        response = _upload(member, task, b"x" * size)
        assert response.status_code == status
        assert status == 201 or response.json()["code"] == "storage_full"
    assert len(_on_disk()) == [status for _, status in expected].count(201)


def test_what_is_deleted_makes_room(member: Any, task: Task, settings: Any) -> None:
    settings.TENANT_STORAGE_BYTES = 10
    first = _upload(member, task, b"x" * 10).json()["id"]
    assert _upload(member, task, b"x").status_code == 413
    member.delete(f"{ATTACHMENTS}{first}/")
    assert _upload(member, task, b"x").status_code == 201


def test_other_tenants_files_take_no_room(
    member: Any, task: Task, globex: Any, settings: Any
) -> None:
    settings.TENANT_STORAGE_BYTES = 10
    assert _upload(member, task, b"x" * 10).status_code == 201
    with tenant_context(globex):
        project = Project.objects.create(name="Moon")
        other = Task.objects.create(project=project, title="Land")
        attach(other, SimpleUploadedFile("a", b"x" * 10), make_member(globex, "member").user)


def test_a_body_for_which_there_is_no_room_is_not_read(
    member: Any, task: Task, settings: Any
) -> None:
    settings.TENANT_STORAGE_BYTES = 10
    kind, length = "multipart/form-data; boundary=x", str(1_000_000)
    response = member.generic("POST", _of(task), b"nothing", kind, CONTENT_LENGTH=length)
    assert (response.status_code, response.json()["code"]) == (413, "storage_full")
