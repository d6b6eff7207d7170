"""Projects and tasks."""

from django.db import models

from apps.isolation import TenantModel, UserForeignKey, tenant_index, tenant_unique


class ProjectStatus(models.TextChoices):
    """Where a project is in its life."""

    ACTIVE = "active"
    ARCHIVED = "archived"


class TaskStatus(models.TextChoices):
    """How far a task has come."""

    OPEN = "open"
    DOING = "doing"
    DONE = "done"


class Project(TenantModel):
    """A piece of work with an end."""

    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    status = models.CharField(max_length=8, choices=ProjectStatus, default=ProjectStatus.ACTIVE)
    created_by = UserForeignKey(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            tenant_unique("name", name="project_name_unique"),
            models.CheckConstraint(
                condition=models.Q(status__in=ProjectStatus.values), name="project_status_is_known"
            ),
        ]
        indexes = [tenant_index("status", name="project_by_status")]

    def __str__(self) -> str:
        return self.name


class Task(TenantModel):
    """One step of a project."""

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
            models.CheckConstraint(
                condition=models.Q(status__in=TaskStatus.values), name="task_status_is_known"
            ),
        ]
        indexes = [
            tenant_index("status", name="task_by_status"),
            tenant_index("due_on", name="task_by_due_on"),
        ]

    def __str__(self) -> str:
        return self.title
