"""Projects over HTTP."""

from typing import Any
from uuid import uuid4

from apps.isolation import tenant_context
from apps.isolation.testing import TenantAPITestCase
from apps.projects.models import Project, Task

PROJECTS = "/api/v1/projects/"
FIELDS = {"id", "name", "description", "status", "created_by", "created_at", "updated_at"}


class ProjectTests(TenantAPITestCase):
    """Members work with projects."""

    def setUp(self) -> None:
        """Log in, with a project to work on."""
        self.member = self.client_for("member")
        with tenant_context(self.tenant):
            self.project = Project.objects.create(name="Moon")
        self.path = f"{PROJECTS}{self.project.pk}/"

    def _stored(self) -> Project:
        with tenant_context(self.tenant):
            return Project.objects.get(pk=self.project.pk)

    def test_create(self) -> None:
        body = {"name": "Mars", "description": "Red.", "status": "archived"}
        response = self.member.post(PROJECTS, body)
        assert response.status_code == 201
        created = response.json()
        assert set(created) == FIELDS
        assert created.items() >= body.items()
        assert self.member.get(f"{PROJECTS}{created['id']}/").json() == created

    def test_defaults(self) -> None:
        created = self.member.post(PROJECTS, {"name": "Mars"}).json()
        assert (created["description"], created["status"]) == ("", "active")

    def test_retrieve(self) -> None:
        body = self.member.get(self.path).json()
        assert set(body) == FIELDS
        assert (body["id"], body["name"]) == (str(self.project.pk), "Moon")

    def test_list(self) -> None:
        body = self.member.get(PROJECTS).json()
        assert set(body) == {"next", "previous", "results"}
        assert [set(row) for row in body["results"]] == [FIELDS]

    def test_update(self) -> None:
        body = {"name": "Mars", "description": "Red.", "status": "archived"}
        response = self.member.put(self.path, body)
        assert response.status_code == 200
        assert response.json().items() >= body.items()
        stored = self._stored()
        assert (stored.name, stored.description, stored.status) == tuple(body.values())
        assert stored.updated_at > self.project.updated_at

    def test_partial_update(self) -> None:
        assert self.member.patch(self.path, {"description": "Grey."}).status_code == 200
        stored = self._stored()
        assert (stored.name, stored.description) == ("Moon", "Grey.")

    def test_delete_includes_tasks(self) -> None:
        with tenant_context(self.tenant):
            other = Project.objects.create(name="Mars")
            for project in (self.project, other):
                Task.objects.create(project=project, title="Fly")
        assert self.member.delete(self.path).status_code == 204
        assert self.member.get(self.path).status_code == 404
        with tenant_context(self.tenant):
            assert Task.objects.get().project == other

    def test_creator_is_the_requesting_user(self) -> None:
        admin = self.client_for("admin")
        member_id, admin_id = (
            str(self.tenant.memberships.get(role=role).user_id) for role in ("member", "admin")
        )
        created = self.member.post(PROJECTS, {"name": "Mars", "created_by": admin_id}).json()
        assert created["created_by"] == member_id
        changed = admin.patch(f"{PROJECTS}{created['id']}/", {"created_by": admin_id}).json()
        assert changed["created_by"] == member_id

    def test_read_only_fields_are_ignored(self) -> None:
        said = {"id": str(uuid4()), "created_at": "2020-01-01T00:00:00Z"}
        created = self.member.post(PROJECTS, {"name": "Mars", **said}).json()
        assert created["id"] != said["id"]
        assert created["created_at"] != said["created_at"]

    def test_bad_values(self) -> None:
        cases: list[tuple[dict[str, Any], str]] = [
            ({}, "name"),
            ({"name": ""}, "name"),
            ({"name": " "}, "name"),
            ({"name": None}, "name"),
            ({"name": "x" * 201}, "name"),
            ({"name": "a\0b"}, "name"),
            ({"name": "x", "description": None}, "description"),
            ({"name": "x", "status": "lost"}, "status"),
            ({"name": "x", "status": None}, "status"),
        ]
        for body, field in cases:
            for response in (self.member.post(PROJECTS, body), self.member.put(self.path, body)):
                assert response.status_code == 400, body
                assert list(response.json()) == [field], body

    def test_any_text_is_a_valid_name(self) -> None:
        for name in ("x" * 200, "Ünïcode 🚀", "'; DROP TABLE x; --", "100 %s %(x)s"):
            assert self.member.post(PROJECTS, {"name": name}).json()["name"] == name

    def test_missing_object_is_not_found(self) -> None:
        for path in (f"{PROJECTS}{uuid4()}/", f"{PROJECTS}not-an-id/", f"{PROJECTS}0/"):
            for method in ("get", "put", "patch", "delete"):
                response = getattr(self.member, method)(path, {"name": "x"})
                assert (response.status_code, response.json()["code"]) == (404, "not_found")

    def test_list_cannot_be_deleted(self) -> None:
        response = self.member.delete(PROJECTS)
        assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")

    def test_api_tenant_scoping(self) -> None:
        other = self.client_for("owner", self.other_tenant)
        assert other.get(PROJECTS).json()["results"] == []
        for method in ("get", "put", "patch", "delete"):
            assert getattr(other, method)(self.path, {"name": "x"}).status_code == 404
        assert other.post(PROJECTS, {"name": self.project.name}).status_code == 201
        assert [row["id"] for row in self.member.get(PROJECTS).json()["results"]] == [
            str(self.project.pk)
        ]

    def test_str_is_the_name(self) -> None:
        assert str(self.project) == "Moon"
