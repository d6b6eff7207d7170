"""The product's pages: roles and forms."""

import re

import pytest

from apps.isolation import tenant_context
from apps.memberships.models import Membership
from apps.memberships.roles import Role
from apps.pages.testing import Visit
from apps.projects.models import Project, Task
from apps.tenants.models import Tenant
from tests.isolation.routes import routes

PAGES = {
    "/": (Role.VIEWER, Role.MEMBER),
    "/projects/<uuid:project_id>/": (Role.VIEWER, Role.MEMBER),
    "/tasks/<uuid:task_id>/status/": (Role.MEMBER, Role.MEMBER),
}


def test_ct13_required_roles_of_pages() -> None:
    """``apps/pages/tests`` tests that all pages refuse lower roles."""
    views = {str(route): route.callback for route in routes() if route.is_page}
    roles = {path: (views[path].read_role, views[path].write_role) for path in PAGES}
    assert roles == PAGES


def test_product_is_in_the_navigation(acme: Tenant, visit: Visit) -> None:
    text = visit("viewer").get("/members/").content.decode()
    assert text.index('<a href="/">Projects</a>') < text.index('<a href="/members/">Members</a>')


def test_typical_work_of_a_member(acme: Tenant, visit: Visit) -> None:
    client = visit("member")
    assert client.post("/", {"name": "Bridge", "description": ""})["Location"] == "/"
    with tenant_context(acme):
        project = Project.objects.get(name="Bridge")
    page = f"/projects/{project.pk}/"
    me = Membership.objects.for_tenant(acme).get(user__email="member@acme.test").user
    me.full_name = "Mia <b>"
    me.save()
    task = {"title": "Pier", "assignee": str(me.pk), "due_on": "2030-01-02"}
    assert client.post(page, task)["Location"] == page
    with tenant_context(acme):
        row = Task.objects.get()
        assert (row.title, row.assignee_id, str(row.due_on)) == ("Pier", me.pk, "2030-01-02")
    assert client.post(f"/tasks/{row.pk}/status/", {"status": "done"})["Location"] == page
    text = client.get(page).content.decode()
    assert re.search(r'value="done" selected', text)
    assert "Mia &lt;b&gt;" in text
    client.post(f"/tasks/{row.pk}/status/", {"status": "nonsense"})
    assert "nonsense is not one of the available choices" in client.get(page).content.decode()


@pytest.mark.parametrize(
    ("name", "message"), [("taken", "already exists"), ("", "This field is required.")]
)
def test_invalid_input_is_shown_in_the_form(
    name: str, message: str, acme: Tenant, visit: Visit
) -> None:
    with tenant_context(acme):
        Project.objects.create(name="taken")
    response = visit("owner").post("/", {"name": name})
    assert response.status_code == 400
    assert 'class="errorlist' in (text := response.content.decode())
    assert message in text


def test_tasks_can_be_assigned_to_members_only(acme: Tenant, globex: Tenant, visit: Visit) -> None:
    client, stranger = visit("member"), visit("member", tenant=globex)
    assert stranger.get("/").status_code == 200
    with tenant_context(acme):
        project = Project.objects.create(name="Bridge")
    them = Membership.objects.for_tenant(globex).get().user_id
    for assignee in (str(them), "x"):
        body = {"title": "Pier", "assignee": assignee}
        assert client.post(f"/projects/{project.pk}/", body).status_code == 400
