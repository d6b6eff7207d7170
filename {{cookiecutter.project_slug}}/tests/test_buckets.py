"""Files in a bucket of an S3-compatible service (MEDIA_BUCKET)."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import boto3
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage, storages
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.isolation import tenant_context
from apps.isolation.integrations.files import ALL_TENANTS, delete_all_files, delete_files
from apps.portability.exporting import ExportOptions, export_tenant
from apps.portability.reading import Archive
from apps.portability.verifying import differences
from apps.projects.models import Project, Task

pytestmark = pytest.mark.django_db(transaction=True)

BUCKET = "product-media"
LARGE = 3 * 1024**2
SERVER = """
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer(port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
input()
"""


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[str]]:
    """Start an S3-compatible server, which ends when its input is closed."""
    program = [sys.executable, "-c", SERVER]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=quiet, text=True
    ) as process:
        assert process.stdout
        address = f"http://127.0.0.1:{int(process.stdout.readline())}"
        variables = {
            "AWS_ENDPOINT_URL_S3": address,
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "of-this-test-only",
            "AWS_SECRET_ACCESS_KEY": "of-this-test-only",
        }
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        yield process
        process.kill()


@pytest.fixture
def bucket(service: subprocess.Popen[str], settings: Any) -> Any:
    """Store files in a bucket, as with MEDIA_BUCKET."""
    made = boto3.resource("s3").Bucket(BUCKET)
    made.create(CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    backend = "apps.isolation.integrations.buckets.BucketStorage"
    own = {"BACKEND": backend, "OPTIONS": {"bucket_name": BUCKET}}
    settings.STORAGES = {**settings.STORAGES, ALL_TENANTS: own}
    return made


def _keys(bucket: Any) -> set[str]:
    return {each.key for each in bucket.objects.all()}


@pytest.mark.parametrize(
    "name", ["notes/a.txt", "notes/old/ä ö%20+&?#'.txt", "\N{HIRAGANA LETTER A}", "a" * 200]
)
def test_file_has_its_tenants_prefix(name: str, acme: Any, globex: Any, bucket: Any) -> None:
    with tenant_context(acme):
        assert default_storage.save(name, ContentFile(b"first")) == name
        assert default_storage.save(name, ContentFile(b"second")) != name
        with default_storage.open(name) as file:
            assert file.read() == b"first"
        assert default_storage.size(name) == 5
        assert default_storage.get_modified_time(name)
    with tenant_context(globex):
        assert not default_storage.exists(name)
        assert default_storage.listdir("") == ([], [])
        with pytest.raises(FileNotFoundError):
            default_storage.open(name)
        with pytest.raises(FileNotFoundError):
            default_storage.size(name)
        default_storage.delete(name)
    keys = _keys(bucket)
    assert f"{acme.id}/{name}" in keys
    assert {key.partition("/")[0] for key in keys} == {str(acme.id)}


def test_attachment_is_stored_authorised_and_deleted(
    acme: Any, globex: Any, client_of: Callable[..., Any], bucket: Any
) -> None:
    with tenant_context(acme):
        task = Task.objects.create(project=Project.objects.create(name="Moon"), title="Land")
    member = client_of(acme, "member")
    upload = SimpleUploadedFile("log.txt", b"x" * LARGE, "text/plain")
    created = member.post(
        f"/api/v1/tasks/{task.pk}/attachments/", {"file": upload}, format="multipart"
    )
    assert created.status_code == 201
    path = f"/api/v1/attachments/{created.json()['id']}/"
    content = member.get(f"{path}content/")
    assert b"".join(content) == b"x" * LARGE
    assert content.headers["Content-Length"] == str(LARGE)
    assert client_of(globex, "owner").get(f"{path}content/").status_code == 404
    assert len(_keys(bucket)) == 1
    assert client_of(acme, "owner").delete(path).status_code == 204
    assert _keys(bucket) == set()


def test_service_that_does_not_answer(
    acme: Any,
    client_of: Callable[..., Any],
    bucket: Any,
    service: subprocess.Popen[str],
) -> None:
    with tenant_context(acme):
        task = Task.objects.create(project=Project.objects.create(name="Moon"), title="Land")
    member = client_of(acme, "member")
    path = f"/api/v1/tasks/{task.pk}/attachments/"
    created = member.post(path, {"file": SimpleUploadedFile("a", b"x")}, format="multipart")
    service.kill()
    service.wait()
    content = member.get(f"/api/v1/attachments/{created.json()['id']}/content/")
    assert (content.status_code, content.json()["code"]) == (503, "files_unavailable")
    refused = member.post(path, {"file": SimpleUploadedFile("a", b"x")}, format="multipart")
    assert (refused.status_code, refused.json()["code"]) == (503, "files_unavailable")
    assert len(member.get(path).json()["results"]) == 1


def test_missing_bucket_is_not_taken_for_an_empty_one(acme: Any, bucket: Any) -> None:
    bucket.delete()
    with pytest.raises(OSError, match="bucket does not exist"):
        delete_files(acme)
    with pytest.raises(OSError, match="bucket does not exist"):
        delete_all_files()


def test_files_of_one_tenant_or_of_all_are_deleted(acme: Any, globex: Any, bucket: Any) -> None:
    storages[ALL_TENANTS].save("platform/logo.png", ContentFile(b"x"))
    for tenant in (acme, globex):
        with tenant_context(tenant):
            for name in ("a.txt", "notes/b.txt", "notes/old/c.txt"):
                default_storage.save(name, ContentFile(b"x"))
    delete_files(acme)
    assert {key.partition("/")[0] for key in _keys(bucket)} == {str(globex.id), "platform"}
    delete_files(acme)
    delete_all_files()
    assert _keys(bucket) == {"platform/logo.png"}


def test_archive_has_the_files(acme: Any, bucket: Any) -> None:
    with tenant_context(acme):
        task = Task.objects.create(project=Project.objects.create(name="Moon"), title="Land")
        stored = task.attachments.create(file=ContentFile(b"x", name="a"), name="a", size=1)
    stream = BytesIO()
    export_tenant(acme, stream, ExportOptions())
    archive = Archive(stream)
    assert list(archive.manifest.files) == [str(stored.file)]
    assert differences(acme, archive, {}) == []
    with tenant_context(acme):
        default_storage.delete(str(stored.file))
    assert differences(acme, archive, {}) == [
        f"The file {str(stored.file)!r} is missing, or has other contents."
    ]
