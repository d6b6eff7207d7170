"""The product's pages: roles, lists, forms and files."""

import re
from collections.abc import Mapping
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.isolation import tenant_context
from apps.isolation.testing import make_member
from apps.memberships.models import Membership
from apps.memberships.roles import Role
from apps.pages.testing import Visit
from apps.profiles.services import update_profile
from apps.projects.models import Attachment, Project, Task
from apps.tenants.models import Tenant
from tests.isolation.routes import routes

READ, WRITE = (Role.VIEWER, Role.VIEWER), (Role.MEMBER, Role.MEMBER)
PAGES = {
    "/": READ,
    "/projects/new/": WRITE,
    "/projects/<uuid:project_id>/": READ,
    "/projects/<uuid:project_id>/edit/": WRITE,
    "/projects/<uuid:project_id>/delete/": WRITE,
    "/projects/<uuid:project_id>/tasks/new/": WRITE,
    "/tasks/": READ,
    "/tasks/<uuid:task_id>/": (Role.VIEWER, Role.MEMBER),
    "/tasks/<uuid:task_id>/edit/": WRITE,
    "/tasks/<uuid:task_id>/status/": WRITE,
    "/tasks/<uuid:task_id>/delete/": WRITE,
    "/attachments/<uuid:attachment_id>/": READ,
    "/attachments/<uuid:attachment_id>/delete/": WRITE,
}


def test_ct13_required_roles_of_pages() -> None:
    """``apps/pages/tests`` tests that all pages refuse lower roles."""
    views = {str(route): route.callback for route in routes() if route.is_page}
    ours = {path: view for path, view in views.items() if view.__module__ == "apps.projects.pages"}
    assert {path: (view.read_role, view.write_role) for path, view in ours.items()} == PAGES


def test_product_is_in_the_navigation(acme: Tenant, visit: Visit) -> None:
    text = visit("viewer").get("/members/").content.decode()
    assert text.index('<a href="/">Projects</a>') < text.index('<a href="/tasks/">Tasks</a>')
    text = visit("viewer").get("/tasks/").content.decode()
    assert '<a href="/tasks/" aria-current="page">' in text


@pytest.fixture
def bridge(acme: Tenant) -> Project:
    """Return a project with a task."""
    with tenant_context(acme):
        project = Project.objects.create(name="Bridge", description="Over the river")
        Task.objects.create(project=project, title="Pier")
    return project


@pytest.fixture
def pier(acme: Tenant, bridge: Project) -> Task:
    """Return the task."""
    with tenant_context(acme):
        return Task.objects.get()


def _page(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


def _done(client: Client, path: str, body: Mapping[str, object] | None = None) -> str:
    """Send a form, and return the page to which it leads."""
    response = client.post(path, body or {}, follow=True)
    assert response.redirect_chain, response.content.decode()
    return response.content.decode()


# Projects


def test_project_is_created_changed_and_deleted(acme: Tenant, visit: Visit) -> None:
    client = visit("member")
    page = _done(client, "/projects/new/", {"name": "Dam", "description": "Of <earth>"})
    assert "Project “Dam” was created." in page
    assert "Of &lt;earth&gt;" in page
    with tenant_context(acme):
        path = f"/projects/{Project.objects.get().pk}"
    assert 'value="Dam"' in _page(client, f"{path}/edit/")
    body = {"name": "Lock", "description": "", "status": "archived"}
    assert "The project was changed." in _done(client, f"{path}/edit/", body)
    with tenant_context(acme):
        assert Project.objects.filter(**body).exists()
    assert "Delete project “Lock”?" in _page(client, f"{path}/delete/")
    with tenant_context(acme):
        assert Project.objects.exists()
    assert "Project “Lock” was deleted." in _done(client, f"{path}/delete/")
    assert client.get(f"{path}/").status_code == 404


@pytest.mark.parametrize(
    ("name", "message"), [("Bridge", "already exists"), ("", "This field is required.")]
)
@pytest.mark.parametrize("action", ["new", "edit"])
@pytest.mark.usefixtures("bridge")
def test_invalid_input_is_shown_in_the_form(
    action: str, name: str, message: str, acme: Tenant, visit: Visit
) -> None:
    with tenant_context(acme):
        dam = Project.objects.create(name="Dam")
    path = "/projects/new/" if action == "new" else f"/projects/{dam.pk}/edit/"
    response = visit("owner").post(path, {"name": name, "status": "active"})
    assert response.status_code == 400
    assert 'class="errorlist' in (text := response.content.decode())
    assert message in text


def test_viewers_see_no_forms(bridge: Project, pier: Task, visit: Visit) -> None:
    client = visit("viewer")
    for path in ("/", "/tasks/", f"/projects/{bridge.pk}/", f"/tasks/{pier.pk}/"):
        text = _page(client, path)
        assert not re.search(r"/(new|edit|delete|status)/", text), path
        assert text.count('method="post"') == 1, "the log-out"


# Lists


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/", ["Tower", "Canal", "Bridge"]),
        ("/?search=RIVER", ["Bridge"]),
        ("/?status=archived", ["Canal"]),
        ("/?ordering=name", ["Bridge", "Canal", "Tower"]),
        ("/?ordering=name&page_size=2", ["Bridge", "Canal"]),
        ("/?search=nothing", []),
        ("/?status=nonsense", []),
        ("/?search=a+b+c+d+e+f+g+h+i", []),
        ("/?unknown=x&status=", ["Tower", "Canal", "Bridge"]),
    ],
)
@pytest.mark.usefixtures("bridge")
def test_search_filters_and_order_of_projects(
    path: str, shown: list[str], acme: Tenant, globex: Tenant, visit: Visit
) -> None:
    with tenant_context(acme):
        Project.objects.create(name="Canal", status="archived")
        Project.objects.create(name="Tower")
    with tenant_context(globex):
        Project.objects.create(name="Theirs", description="river")
    text = _page(visit("viewer"), path)
    assert re.findall(r'<a href="/projects/[^"]+/">(\w+)</a>', text) == shown
    assert ("Nothing matches" in text) == (not shown)


def test_links_to_further_pages(acme: Tenant, visit: Visit) -> None:
    with tenant_context(acme):
        Project.objects.bulk_create(Project(name=f"{number:03}") for number in range(5))
    client, path, seen = visit("viewer"), "/?page_size=2&ordering=name", []
    while path:
        text = _page(client, path)
        seen.append(re.findall(r"/\">(\d+)</a>", text))
        found = re.search(r'href="([^"]+)" rel="next"', text)
        path = found[1].replace("&amp;", "&") if found else ""
    assert seen == [["000", "001"], ["002", "003"], ["004"]]
    assert 'rel="prev"' in text


def test_search_filters_and_order_of_tasks(
    acme: Tenant, bridge: Project, pier: Task, visit: Visit
) -> None:
    client = visit("viewer")
    user = Membership.objects.for_tenant(acme).get().user
    with tenant_context(acme):
        dam = Project.objects.create(name="Dam")
        Task.objects.create(project=dam, title="Gate", assignee=user, due_on="2030-01-02")
    for path, titles in {
        "/tasks/": ["Gate", "Pier"],
        "/tasks/?ordering=title&status=open": ["Gate", "Pier"],
        "/tasks/?ordering=due_on": ["Gate", "Pier"],
        f"/tasks/?assignee={user.pk}": ["Gate"],
        f"/tasks/?assignee={uuid4()}": [],
        "/tasks/?search=pier": ["Pier"],
        f"/projects/{bridge.pk}/": ["Pier"],
        f"/projects/{bridge.pk}/?search=gate": [],
        f"/projects/{bridge.pk}/?project={dam.pk}": [],
    }.items():
        assert re.findall(r'<a href="/tasks/[^"]+">(Gate|Pier)</a>', _page(client, path)) == titles


# Tasks


def test_task_is_created_changed_and_deleted(acme: Tenant, bridge: Project, visit: Visit) -> None:
    client = visit("member")
    me = Membership.objects.for_tenant(acme).get(user__email="member@acme.test").user
    me.full_name = "Mia <b>"
    me.save()
    place = f"/projects/{bridge.pk}/"
    body = {"title": "Arch", "assignee": str(me.pk), "due_on": "2030-01-02"}
    page = _done(client, f"{place}tasks/new/", body)
    assert "Task “Arch” was created." in page
    assert "Mia &lt;b&gt;" in page
    with tenant_context(acme):
        task = Task.objects.get(title="Arch", assignee=me, due_on="2030-01-02")
    path = f"/tasks/{task.pk}/"
    form = _page(client, f"{path}edit/")
    assert re.search(rf'value="{me.pk}" selected', form)
    assert 'value="2030-01-02"' in form
    body = {"title": "Vault", "assignee": "", "due_on": "", "status": "doing"}
    assert "The task was changed." in _done(client, f"{path}edit/", body)
    with tenant_context(acme):
        assert Task.objects.filter(title="Vault", assignee=None, due_on=None).exists()
    assert "Delete task “Vault”?" in _page(client, f"{path}delete/")
    assert "Task “Vault” was deleted." in _done(client, f"{path}delete/")
    assert client.get(path).status_code == 404


def test_tasks_can_be_assigned_to_members_only(
    acme: Tenant, globex: Tenant, bridge: Project, pier: Task, visit: Visit
) -> None:
    client, them = visit("member"), make_member(globex, "member").user_id
    for path in (f"/projects/{bridge.pk}/tasks/new/", f"/tasks/{pier.pk}/edit/"):
        for assignee in (str(them), "x"):
            body = {"title": "Arch", "assignee": assignee, "status": "open"}
            assert client.post(path, body).status_code == 400


def test_task_of_a_former_member_can_be_edited(acme: Tenant, pier: Task, visit: Visit) -> None:
    gone = make_member(acme, "member", "gone@acme.test")
    with tenant_context(acme):
        Task.objects.update(assignee=gone.user)
    Membership.platform.filter(pk=gone.pk).update(is_active=False)
    client, path = visit("member"), f"/tasks/{pier.pk}/"
    for page in (path, "/tasks/", f"{path}edit/"):
        assert "Former member" in _page(client, page)
    body = {"title": "Pier", "assignee": str(gone.user_id), "status": "done"}
    _done(client, f"{path}edit/", body)
    with tenant_context(acme):
        assert Task.objects.filter(assignee_id=gone.user_id, status="done").exists()


@pytest.mark.parametrize("place", ["/tasks/?search=pier&ordering=title", "/tasks/"])
def test_status_change_returns_to_the_list(
    place: str, acme: Tenant, pier: Task, visit: Visit
) -> None:
    client, path = visit("member"), f"/tasks/{pier.pk}/status/?next={quote(place)}"
    assert f'action="{path}"' in _page(client, place)
    response = client.post(path, {"status": "done"})
    assert response["Location"] == place
    text = _page(client, place)
    assert "Task “Pier” is now done." in text
    assert 'value="done" selected' in text
    client.post(path, {"status": "nonsense"})
    assert "nonsense is not one of the available choices" in _page(client, place)


@pytest.mark.parametrize("place", ["https://evil.test/", "//evil.test/", "tasks"])
def test_status_change_does_not_redirect_elsewhere(place: str, pier: Task, visit: Visit) -> None:
    path = f"/tasks/{pier.pk}/status/?next={quote(place)}"
    assert visit("member").post(path, {"status": "done"})["Location"] == "/"


# Files


def _upload(client: Client, task: Task, content: bytes = b"one", name: str = "a.txt") -> int:
    file = SimpleUploadedFile(name, content, "text/plain")
    return client.post(f"/tasks/{task.pk}/", {"file": file}).status_code


def _attached(acme: Tenant) -> UUID:
    with tenant_context(acme):
        return Attachment.objects.get().pk


@pytest.mark.django_db(transaction=True)
def test_file_is_attached_downloaded_and_deleted(acme: Tenant, pier: Task, visit: Visit) -> None:
    client = visit("member")
    assert _upload(client, pier, b"<script>", "<b>.html") == 302
    text = _page(client, f"/tasks/{pier.pk}/")
    assert "“&lt;b&gt;.html” was attached." in text
    path = f"/attachments/{_attached(acme)}/"
    assert f'href="{path}"' in text
    response = visit("viewer").get(path)
    assert b"".join(response) == b"<script>"
    assert response["Content-Disposition"].startswith("attachment;")
    assert response["Content-Security-Policy"] == "sandbox"
    assert "no-store" in response["Cache-Control"]
    assert "Delete “&lt;b&gt;.html”?" in _page(client, f"{path}delete/")
    assert "was deleted." in _done(client, f"{path}delete/")
    assert client.get(path).status_code == 404


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ("ATTACHMENT_MAX_BYTES", "A file may have at most"),
        ("TENANT_STORAGE_BYTES", "All files together may have at most"),
    ],
)
def test_too_large_file_is_shown_in_the_form(
    limit: str, message: str, pier: Task, visit: Visit, settings: object
) -> None:
    client = visit("member")
    setattr(settings, limit, 2)
    assert _upload(client, pier, b"12") == 302
    response = client.post(f"/tasks/{pier.pk}/", {"file": SimpleUploadedFile("b", b"123")})
    assert (response.status_code, message in response.content.decode()) == (400, True)


@pytest.mark.parametrize("body", [{}, {"file": "text"}, {"file": SimpleUploadedFile("x", b"")}])
def test_file_is_required(body: dict[str, object], pier: Task, visit: Visit) -> None:
    response = visit("member").post(f"/tasks/{pier.pk}/", body)
    assert (response.status_code, "errorlist" in response.content.decode()) == (400, True)


@pytest.mark.django_db(transaction=True)
def test_files_of_another_tenant_are_not_found(
    acme: Tenant, globex: Tenant, pier: Task, visit: Visit
) -> None:
    assert _upload(visit("member"), pier) == 302
    stranger = visit("owner", tenant=globex)
    for path in (f"/attachments/{_attached(acme)}/", f"/tasks/{pier.pk}/"):
        assert stranger.get(path).status_code == 404
        assert stranger.post(path).status_code in {404, 405}


def test_assignee_has_the_name_of_the_profile(visit: Visit, acme: Tenant) -> None:
    client = visit("member")
    member = make_member(acme, "member", "mia@acme.test").user
    with tenant_context(acme):
        update_profile(member.pk, display_name="Captain Mia")
        project = Project.objects.create(name="Moon")
        task = Task.objects.create(project=project, title="Land", assignee=member)
    for page in (f"/projects/{project.pk}/", f"/tasks/{task.pk}/", f"/tasks/{task.pk}/edit/"):
        assert "Captain Mia" in client.get(page).content.decode(), page
