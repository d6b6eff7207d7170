"""Filters of the product's lists: only declared fields, none across relations."""

from django_filters import ChoiceFilter, DateFilter, UUIDFilter
from django_filters.rest_framework.filterset import FilterSet

from apps.projects.models import Project, ProjectStatus, Task, TaskStatus


class ProjectFilter(FilterSet):
    """``status``."""

    status = ChoiceFilter(choices=ProjectStatus.choices)

    class Meta:
        model = Project
        fields: list[str] = []


class TaskFilter(FilterSet):
    """``project``, ``status``, ``assignee``, ``due_before``."""

    project = UUIDFilter(field_name="project_id")
    status = ChoiceFilter(choices=TaskStatus.choices)
    assignee = UUIDFilter(field_name="assignee_id")
    due_before = DateFilter(field_name="due_on", lookup_expr="lt")

    class Meta:
        model = Task
        fields: list[str] = []
