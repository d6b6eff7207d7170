"""Pages of the product. They use the same services as the API, and its lists' filters."""

from collections.abc import Iterable
from functools import partial
from typing import Any
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.http import FileResponse, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from apps.api.downloads import download
from apps.api.uploads import storage_errors
from apps.authentication.decorators import MemberRequest, require_role
from apps.isolation import require_tenant
from apps.memberships.models import Membership
from apps.memberships.selectors import active_members, with_profiles
from apps.pages.forms import DeleteForm
from apps.pages.lists import list_rows
from apps.pages.rendering import (
    fill_in_form,
    form_page,
    next_path,
    paginate,
    redirect_with_errors,
    redirect_with_message,
    render_page,
)
from apps.projects import forms, services
from apps.projects.models import Attachment, Project, Task, TaskStatus
from apps.projects.views import ProjectViewSet, TaskViewSet

FORMER_MEMBER = "Former member"
NO_WAY_BACK = "This cannot be undone."

# Projects


@require_role("viewer")
@require_safe
def projects(request: MemberRequest) -> HttpResponse:
    rows = list_rows(request, forms.ProjectListForm(request), ProjectViewSet)
    return render_page(request, "projects/projects.html", title="Projects", **rows)


@form_page(require_role("member"))
def new_project(request: MemberRequest) -> HttpResponse:
    form = forms.ProjectForm(request)
    if form.succeeds(partial(services.create_project, request.auth.user)):
        done = f"Project “{form.result}” was created."
        return redirect_with_message(request, done, "project", form.result.pk)
    return render_page(request, "pages/form.html", form, cancel=reverse("projects"))


@require_role("viewer")
@require_safe
def project(request: MemberRequest, project_id: UUID) -> HttpResponse:
    """Show a project with its tasks."""
    found = get_object_or_404(Project, pk=project_id)
    context = _task_list(request, found.tasks.all())
    return render_page(request, "projects/project.html", project=found, title=found.name, **context)


@form_page(require_role("member"))
def edit_project(request: MemberRequest, project_id: UUID) -> HttpResponse:
    found = get_object_or_404(Project, pk=project_id)
    place = reverse("project", args=[project_id])
    form = forms.EditProjectForm(
        request, name=found.name, description=found.description, status=found.status
    )
    change = partial(services.update_project, found)
    return fill_in_form(request, form, change, place, done="The project was changed.", cancel=place)


@form_page(require_role("member"))
def delete_project(request: MemberRequest, project_id: UUID) -> HttpResponse:
    """Ask for confirmation, then delete a project."""
    found = get_object_or_404(Project, pk=project_id)
    return fill_in_form(
        request,
        DeleteForm(request),
        partial(services.delete_project, found),
        "projects",
        done=f"Project “{found}” was deleted.",
        title=f"Delete project “{found}”?",
        text=f"Tasks that are deleted with it: {found.tasks.count()}. {NO_WAY_BACK}",
        cancel=reverse("project", args=[project_id]),
    )


# Tasks


@require_role("viewer")
@require_safe
def tasks(request: MemberRequest) -> HttpResponse:
    """List the tasks of all projects."""
    context = _task_list(request, Task.objects.select_related("project"))
    return render_page(request, "projects/tasks.html", title="Tasks", **context)


@form_page(require_role("member"))
def new_task(request: MemberRequest, project_id: UUID) -> HttpResponse:
    found = get_object_or_404(Project, pk=project_id)
    place, members = reverse("project", args=[project_id]), _members()
    form = forms.TaskForm(request, _choices(members))

    def create(assignee: UUID | None, **fields: Any) -> Task:
        who = members[assignee].user if assignee else None
        return services.create_task(request.auth.user, project=found, assignee=who, **fields)

    if form.succeeds(create):
        return redirect_with_message(request, f"Task “{form.result}” was created.", place)
    return render_page(request, "pages/form.html", form, text=found.name, cancel=place)


@form_page(require_role("viewer", write="member"))
def task(request: MemberRequest, task_id: UUID) -> HttpResponse:
    """Show a task with its files, and attach one."""
    found = _task(task_id)
    form = forms.UploadForm(request)

    def attach(file: UploadedFile[bytes]) -> Attachment:
        with storage_errors():
            return services.attach(found, file, request.auth.user)

    if form.succeeds(attach):
        done = f"“{form.result}” was attached."
        return redirect_with_message(request, done, "task", task_id)
    ((_, assignee),) = _with_assignees([found], _members())
    context = {"task": found, "assignee": assignee, "title": found.title}
    context |= paginate(request, found.attachments.all())
    return render_page(request, "projects/task.html", form, **context)


@form_page(require_role("member"))
def edit_task(request: MemberRequest, task_id: UUID) -> HttpResponse:
    found, members = _task(task_id), _members()
    choices = _choices(members)
    if found.assignee_id and found.assignee_id not in members:
        choices.append((found.assignee_id, FORMER_MEMBER))
    form = forms.EditTaskForm(
        request,
        choices,
        title=found.title,
        status=found.status,
        assignee=found.assignee_id,
        due_on=found.due_on,
    )

    def change(assignee: UUID | None, **fields: Any) -> Task:
        if assignee != found.assignee_id:
            fields["assignee"] = members[assignee].user if assignee else None
        return services.update_task(found, **fields)

    place = reverse("task", args=[task_id])
    return fill_in_form(request, form, change, place, done="The task was changed.", cancel=place)


@require_role("member")
@require_POST
def change_status(request: MemberRequest, task_id: UUID) -> HttpResponse:
    """Change the status of a task in a list, and show the list again."""
    found, form = _task(task_id), forms.StatusForm(request)
    if form.succeeds(partial(services.update_task, found)):
        done = f"Task “{found}” is now {found.get_status_display().lower()}."
        return redirect_with_message(request, done, next_path(request))
    return redirect_with_errors(request, form, next_path(request))


@form_page(require_role("member"))
def delete_task(request: MemberRequest, task_id: UUID) -> HttpResponse:
    """Ask for confirmation, then delete a task."""
    found = _task(task_id)
    return fill_in_form(
        request,
        DeleteForm(request),
        partial(services.delete_task, found),
        reverse("project", args=[found.project_id]),
        done=f"Task “{found}” was deleted.",
        title=f"Delete task “{found}”?",
        text=f"Files that are deleted with it: {found.attachments.count()}. {NO_WAY_BACK}",
        cancel=reverse("task", args=[task_id]),
    )


# Files


@require_role("viewer")
@require_safe
def attachment(request: MemberRequest, attachment_id: UUID) -> FileResponse:
    """Send a file."""
    found = get_object_or_404(Attachment, pk=attachment_id)
    return download(services.open_file(found), found.name, found.content_type)


@form_page(require_role("member"))
def delete_attachment(request: MemberRequest, attachment_id: UUID) -> HttpResponse:
    """Ask for confirmation, then delete a file."""
    found = get_object_or_404(Attachment, pk=attachment_id)
    place = reverse("task", args=[found.task_id])
    return fill_in_form(
        request,
        DeleteForm(request),
        partial(services.delete_attachment, found),
        place,
        done=f"“{found}” was deleted.",
        title=f"Delete “{found}”?",
        text=NO_WAY_BACK,
        cancel=place,
    )


# Helpers


def _task(task_id: UUID) -> Task:
    return get_object_or_404(Task.objects.select_related("project"), pk=task_id)


def _members() -> dict[UUID, Membership]:
    """Return the members to whom a task may be assigned, by their users' ids."""
    members = active_members(require_tenant().id).filter(user__is_active=True)
    return {each.user_id: each for each in with_profiles(members)}


def _choices(members: dict[UUID, Membership]) -> list[tuple[UUID, str]]:
    return [(pk, member.display_name) for pk, member in members.items()]


def _with_assignees(
    tasks: Iterable[Task], members: dict[UUID, Membership]
) -> list[tuple[Task, str]]:
    """Return tasks with the names of their assignees."""
    names: dict[UUID | None, str] = {None: "", **dict(_choices(members))}
    return [(each, names.get(each.assignee_id, FORMER_MEMBER)) for each in tasks]


def _task_list(request: MemberRequest, rows: Any) -> dict[str, Any]:
    """Return the context of ``projects/_tasks.html``."""
    members = _members()
    form = forms.TaskListForm(request, _choices(members))
    context = list_rows(request, form, TaskViewSet, rows)
    context["rows"] = _with_assignees(context["rows"], members)
    return context | {"statuses": TaskStatus.choices}
