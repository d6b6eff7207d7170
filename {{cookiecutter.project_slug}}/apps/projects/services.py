"""Services for projects, tasks and attachments. Routes and pages use these functions."""

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import date
from functools import partial
from typing import TypedDict, Unpack

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Model
from django.db.models.fields.files import FieldFile

from apps.api.uploads import storage_errors
from apps.authentication.models import User
from apps.isolation.integrations.rest_framework import unique_errors
from apps.projects import selectors
from apps.projects.exceptions import FileTooLarge, StorageFull
from apps.projects.models import Attachment, Project, Task, place_of

CONTENT_TYPE = re.compile(r"[\w.+-]{1,49}/[\w.+-]{1,50}", re.ASCII)
UNKNOWN_TYPE = "application/octet-stream"


class ProjectFields(TypedDict, total=False):
    """Fields of a project that callers may set."""

    name: str
    description: str
    status: str


class TaskFields(TypedDict, total=False):
    """Fields of a task that callers may set."""

    project: Project
    title: str
    status: str
    assignee: User | None
    due_on: date | None
    position: int


def create_project(creator: User, **fields: Unpack[ProjectFields]) -> Project:
    """Create a project; raise ValidationError if its name is taken."""
    with unique_errors(Project, fields):
        return Project.objects.create(**fields, created_by=creator)


def update_project(project: Project, **fields: Unpack[ProjectFields]) -> Project:
    """Change a project; raise ValidationError if its name is taken."""
    _assign(project, fields)
    with unique_errors(Project, ("name",)):
        project.save()
    return project


@transaction.atomic
def delete_project(project: Project) -> None:
    """Delete a project with its tasks and their attachments."""
    # Locked, so that no concurrent request adds tasks or attachments.
    list(Project.objects.select_for_update().filter(pk=project.pk))
    tasks = list(Task.objects.select_for_update().filter(project=project))
    _delete_files_of(Attachment.objects.filter(task__in=tasks))
    project.delete()


def create_task(creator: User, **fields: Unpack[TaskFields]) -> Task:
    """Create a task."""
    return Task.objects.create(**fields, created_by=creator)


def update_task(task: Task, **fields: Unpack[TaskFields]) -> Task:
    """Change a task."""
    _assign(task, fields)
    task.save()
    return task


@transaction.atomic
def delete_task(task: Task) -> None:
    """Delete a task with its attachments."""
    list(Task.objects.select_for_update().filter(pk=task.pk))
    _delete_files_of(task.attachments.all())
    task.delete()


def require_room(size: int) -> None:
    """Raise `FileTooLarge` or `StorageFull` if a file of ``size`` bytes cannot be attached."""
    if size > settings.ATTACHMENT_MAX_BYTES:
        raise FileTooLarge
    if not selectors.has_room(size):
        raise StorageFull


def attach(task: Task, upload: UploadedFile[bytes], uploader: User) -> Attachment:
    """Store a file and its row, or neither.

    This needs its own transaction: if a surrounding one failed later, the file would remain.
    Raises `FileTooLarge` or `StorageFull`; concurrent uploads may each find the same free space.
    """
    require_room(upload.size or 0)
    attachment = Attachment(
        task=task,
        file=upload,
        name=_printable(upload.name or "") or "file",
        content_type=_known(upload.content_type or ""),
        size=upload.size or 0,
        uploader=uploader,
    )
    storage = attachment.file.storage
    try:
        with transaction.atomic(durable=True):
            attachment.save()
    except BaseException:
        with suppress(OSError):
            storage.delete(place_of(attachment))
        raise
    return attachment


def open_file(attachment: Attachment) -> FieldFile:
    """Return the open file of an attachment; raise `FilesUnavailable` if it cannot be read."""
    with storage_errors():
        attachment.file.open()
    return attachment.file


@transaction.atomic
def delete_attachment(attachment: Attachment) -> None:
    """Delete an attachment."""
    _delete_files_of([attachment])
    attachment.delete()


def _assign(row: Model, fields: Mapping[str, object]) -> None:
    for name, value in fields.items():
        setattr(row, name, value)


def _delete_files_of(attachments: Iterable[Attachment]) -> None:
    """Delete files after COMMIT of their rows' deletion. The log names files that remain."""
    for attachment in attachments:
        delete = partial(attachment.file.storage.delete, place_of(attachment))
        transaction.on_commit(delete, robust=True)


def _printable(name: str) -> str:
    """Return the name without characters that break headers or disguise its type."""
    return "".join(filter(str.isprintable, name))


def _known(content_type: str) -> str:
    return content_type if CONTENT_TYPE.fullmatch(content_type) else UNKNOWN_TYPE
