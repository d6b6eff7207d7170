"""Attachments in a bucket of an S3-compatible service (MEDIA_BUCKET)."""

import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.isolation import tenant_context
from apps.projects.models import Project, Task
from tests.buckets import keys_in

pytestmark = pytest.mark.django_db(transaction=True)

LARGE = 3 * 1024**2


@pytest.fixture
def task(acme: Any) -> Task:
    """Return a task of acme."""
    with tenant_context(acme):
        project = Project.objects.create(name="Moon")
        return Task.objects.create(project=project, title="Land")


def test_attachment_is_stored_authorised_and_deleted(
    acme: Any, globex: Any, client_of: Callable[..., Any], task: Task, bucket: Any
) -> None:
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
    assert len(keys_in(bucket)) == 1
    assert client_of(acme, "owner").delete(path).status_code == 204
    assert keys_in(bucket) == set()


def test_service_that_does_not_answer(
    acme: Any,
    client_of: Callable[..., Any],
    task: Task,
    bucket: Any,
    bucket_service: subprocess.Popen[str],
) -> None:
    member = client_of(acme, "member")
    path = f"/api/v1/tasks/{task.pk}/attachments/"
    created = member.post(path, {"file": SimpleUploadedFile("a", b"x")}, format="multipart")
    bucket_service.kill()
    bucket_service.wait()
    content = member.get(f"/api/v1/attachments/{created.json()['id']}/content/")
    assert (content.status_code, content.json()["code"]) == (503, "files_unavailable")
    refused = member.post(path, {"file": SimpleUploadedFile("a", b"x")}, format="multipart")
    assert (refused.status_code, refused.json()["code"]) == (503, "files_unavailable")
    assert len(member.get(path).json()["results"]) == 1
