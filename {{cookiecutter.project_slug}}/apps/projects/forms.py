"""Forms of the product's pages."""

from collections.abc import Iterable
from uuid import UUID

from django import forms
from django.http import HttpRequest

from apps.pages.forms import PageForm
from apps.pages.lists import ListForm, search_field
from apps.projects.models import DESCRIPTION_LENGTH, ProjectStatus, TaskStatus

type Choices = Iterable[tuple[UUID, str]]


class ProjectListForm(ListForm):
    search = search_field()
    status = forms.ChoiceField(required=False, choices=[("", "All"), *ProjectStatus.choices])
    ordering = forms.ChoiceField(
        required=False,
        label="Order",
        choices=[("", "Newest first"), ("name", "Name"), ("-updated_at", "Last changed first")],
    )


class ProjectForm(PageForm):
    heading = "New project"
    button = "Create project"
    name = forms.CharField(max_length=200)
    description = forms.CharField(
        required=False, max_length=DESCRIPTION_LENGTH, widget=forms.Textarea({"rows": 4})
    )


class EditProjectForm(ProjectForm):
    heading = "Edit project"
    button = "Save"
    status = forms.ChoiceField(choices=ProjectStatus.choices)


class TaskListForm(ListForm):
    search = search_field()
    status = forms.ChoiceField(required=False, choices=[("", "All"), *TaskStatus.choices])
    assignee = forms.TypedChoiceField(coerce=UUID, required=False)
    ordering = forms.ChoiceField(
        required=False,
        label="Order",
        choices=[("", "Newest first"), ("title", "Title"), ("due_on", "Due first")],
    )

    def __init__(self, request: HttpRequest, users: Choices) -> None:
        super().__init__(request)
        self.fields["assignee"].choices = [("", "All"), *users]  # type: ignore[attr-defined] # of the class


class TaskForm(PageForm):
    heading = "New task"
    button = "Create task"
    title = forms.CharField(max_length=200)
    assignee = forms.TypedChoiceField(coerce=UUID, empty_value=None, required=False)
    due_on = forms.DateField(required=False, widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"))

    def __init__(self, request: HttpRequest, users: Choices, **initial: object) -> None:
        super().__init__(request, **initial)
        self.fields["assignee"].choices = [("", "Nobody"), *users]  # type: ignore[attr-defined] # of the class


class EditTaskForm(TaskForm):
    heading = "Edit task"
    button = "Save"
    status = forms.ChoiceField(choices=TaskStatus.choices)


class StatusForm(PageForm):
    status = forms.ChoiceField(choices=TaskStatus.choices)


class UploadForm(PageForm):
    heading = "Attach a file"
    button = "Attach"
    file = forms.FileField(help_text="Choose a file, or drop one here.")
