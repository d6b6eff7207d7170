"""Pages of the product. They use the same services as the API."""

from datetime import date
from functools import partial
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST

from apps.authentication.decorators import MemberRequest, require_role
from apps.isolation import require_tenant
from apps.memberships.selectors import active_members
from apps.pages.rendering import form_page, paginate, press_button, redirect_saved, render_page
from apps.projects import forms, services
from apps.projects.models import Project, Task, TaskStatus


@form_page(require_role("viewer", write="member"))
def projects(request: MemberRequest) -> HttpResponse:
    """List the projects, and create one."""
    form = forms.ProjectForm(request)
    if form.succeeds(partial(services.create_project, request.auth.user)):
        return redirect_saved(request, "projects")
    rows = paginate(request, Project.objects.all())
    return render_page(request, "projects/projects.html", form, **rows)


@form_page(require_role("viewer", write="member"))
def project(request: MemberRequest, project_id: UUID) -> HttpResponse:
    """List the tasks of a project, and create one."""
    found = get_object_or_404(Project, pk=project_id)
    users = {each.user_id: each.user for each in active_members(require_tenant().id)}
    active = [(user.pk, str(user)) for user in users.values() if user.is_active]
    form = forms.TaskForm(request, active)

    def create(title: str, assignee: UUID | None, due_on: date | None) -> None:
        who = users[assignee] if assignee else None
        creator = request.auth.user
        services.create_task(creator, project=found, title=title, assignee=who, due_on=due_on)

    if form.succeeds(create):
        return redirect_saved(request, "project", project_id)
    context = paginate(request, found.tasks.all())
    names = {pk: user.get_full_name() for pk, user in users.items()}
    context["rows"] = [(task, names.get(task.assignee_id, "")) for task in context["rows"]]
    context |= {"project": found, "statuses": TaskStatus.choices}
    return render_page(request, "projects/project.html", form, **context)


@require_role("member")
@require_POST
def change_status(request: MemberRequest, task_id: UUID) -> HttpResponse:
    """Change the status of a task."""
    task = get_object_or_404(Task, pk=task_id)
    action, form = partial(services.update_task, task), forms.StatusForm(request)
    return press_button(request, form, action, "project", task.project_id)
