"""Forms of the product's pages."""

from collections.abc import Iterable
from uuid import UUID

from django import forms
from django.http import HttpRequest

from apps.pages.forms import PageForm
from apps.projects.models import DESCRIPTION_LENGTH, TaskStatus


class ProjectForm(PageForm):
    heading = "New project"
    button = "Add project"
    name = forms.CharField(max_length=200)
    description = forms.CharField(
        required=False, max_length=DESCRIPTION_LENGTH, widget=forms.Textarea({"rows": 2})
    )


class TaskForm(PageForm):
    heading = "New task"
    button = "Add task"
    title = forms.CharField(max_length=200)
    assignee = forms.TypedChoiceField(coerce=UUID, empty_value=None, required=False)
    due_on = forms.DateField(required=False, widget=forms.DateInput({"type": "date"}))

    def __init__(self, request: HttpRequest, users: Iterable[tuple[UUID, str]]) -> None:
        super().__init__(request)
        self.fields["assignee"].choices = [("", "Nobody"), *users]  # type: ignore[attr-defined] # of the class


class StatusForm(PageForm):
    status = forms.ChoiceField(choices=TaskStatus.choices)
