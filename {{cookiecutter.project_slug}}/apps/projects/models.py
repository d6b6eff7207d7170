"""Projects and tasks."""

from django.db import models
from django.db.models import CheckConstraint, Q

from apps.isolation.fields import UserForeignKey
from apps.isolation.models import TenantModel, tenant_index, tenant_unique

DESCRIPTION_LENGTH = 10_000


class ProjectStatus(models.TextChoices):
    """State of a project."""

    ACTIVE = "active"
    ARCHIVED = "archived"


class TaskStatus(models.TextChoices):
    """State of a task."""

    OPEN = "open"
    DOING = "doing"
    DONE = "done"


class Project(TenantModel):
    """A project, which groups tasks."""

    name = models.CharField(max_length=200)
    description = models.TextField(blank=True, max_length=DESCRIPTION_LENGTH)
    status = models.CharField(max_length=8, choices=ProjectStatus, default=ProjectStatus.ACTIVE)
    created_by = UserForeignKey(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            tenant_unique("name", name="project_name_unique"),
            CheckConstraint(
                condition=Q(status__in=ProjectStatus.values), name="project_status_is_known"
            ),
        ]
        indexes = [tenant_index("status", name="project_by_status")]

    def __str__(self) -> str:
        return self.name


class Task(TenantModel):
    """A task of a project."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="tasks")
    title = models.CharField(max_length=200)
    status = models.CharField(max_length=5, choices=TaskStatus, default=TaskStatus.OPEN)
    assignee = UserForeignKey(null=True, blank=True)
    due_on = models.DateField(null=True, blank=True)
    position = models.PositiveIntegerField(default=0)
    created_by = UserForeignKey(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            CheckConstraint(condition=Q(status__in=TaskStatus.values), name="task_status_is_known"),
        ]
        indexes = [
            tenant_index("status", name="task_by_status"),
            tenant_index("due_on", name="task_by_due_on"),
        ]

    def __str__(self) -> str:
        return self.title


def place_of(attachment: "Attachment", name: str = "") -> str:
    """Return the file's path, from the id: a client's file name is not a safe path."""
    return f"attachments/{attachment.pk}"


class Attachment(TenantModel):
    """A file of a task."""

    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="attachments")
    file = models.FileField(upload_to=place_of)
    name = models.CharField(max_length=255)
    content_type = models.CharField(max_length=100)
    size = models.PositiveBigIntegerField()
    uploader = UserForeignKey(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name
