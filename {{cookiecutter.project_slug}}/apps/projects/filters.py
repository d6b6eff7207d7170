"""Filters of the product's lists: only fields that are named here, none across relations."""

from django_filters import ChoiceFilter, DateFilter, UUIDFilter
from django_filters.rest_framework.filterset import FilterSet
from rest_framework import filters
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

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


class SearchFilter(filters.SearchFilter):
    """``search``, of which a bad value is told like that of every other field."""

    def get_search_terms(self, request: Request) -> list[str]:
        """Return the words to look for."""
        try:
            return super().get_search_terms(request)
        except ValidationError as error:
            raise ValidationError({self.search_param: error.detail}) from error
