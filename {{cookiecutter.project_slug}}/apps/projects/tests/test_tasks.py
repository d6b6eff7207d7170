"""Tasks over HTTP."""

from typing import Any
from uuid import uuid4

from apps.isolation import tenant_context
from apps.isolation.testing import TenantAPITestCase, make_member
from apps.projects.models import Project, Task

TASKS = "/api/v1/tasks/"


class TaskTests(TenantAPITestCase):
    """Members work with tasks."""

    def setUp(self) -> None:
        """Log in, with a task to work on."""
        self.member = self.client_for("member")
        with tenant_context(self.tenant):
            self.project = Project.objects.create(name="Moon")
            self.task = Task.objects.create(project=self.project, title="Land")
        self.path = f"{TASKS}{self.task.pk}/"
        self.new = {"project": str(self.project.pk), "title": "Fly"}

    def test_create(self) -> None:
        assignee = str(make_member(self.tenant, "viewer").user_id)
        more = {"status": "doing", "assignee": assignee, "due_on": "2026-12-24", "position": 7}
        response = self.member.post(TASKS, self.new | more)
        assert response.status_code == 201
        created = response.json()
        assert created.items() >= (self.new | more).items()
        assert self.member.get(f"{TASKS}{created['id']}/").json() == created

    def test_defaults(self) -> None:
        created = self.member.post(TASKS, self.new).json()
        me = str(self.tenant.memberships.get(role="member").user_id)
        expected = {"status": "open", "assignee": None, "due_on": None, "position": 0}
        assert created.items() >= (expected | {"created_by": me}).items()

    def test_creator_cannot_be_set(self) -> None:
        other = str(make_member(self.tenant, "admin").user_id)
        created = self.member.post(TASKS, self.new | {"created_by": other}).json()
        assert created["created_by"] != other
        changed = self.member.patch(f"{TASKS}{created['id']}/", {"created_by": other}).json()
        assert changed["created_by"] == created["created_by"]

    def test_update_and_delete(self) -> None:
        response = self.member.patch(self.path, {"status": "done"})
        assert (response.status_code, response.json()["status"]) == (200, "done")
        response = self.member.put(self.path, self.new)
        assert (response.status_code, response.json()["title"]) == (200, "Fly")
        assert self.member.delete(self.path).status_code == 204
        assert self.member.get(self.path).status_code == 404

    def test_task_can_move_to_another_project(self) -> None:
        with tenant_context(self.tenant):
            mars = Project.objects.create(name="Mars")
        moved = self.member.patch(self.path, {"project": str(mars.pk)}).json()
        assert moved["project"] == str(mars.pk)

    def test_assignee_can_be_removed(self) -> None:
        assignee = make_member(self.tenant, "viewer").user_id
        self.member.patch(self.path, {"assignee": str(assignee)})
        assert self.member.patch(self.path, {"assignee": None}).json()["assignee"] is None

    def test_assignee_must_be_an_active_member(self) -> None:
        former = make_member(self.tenant, "viewer")
        type(former).platform.filter(pk=former.pk).update(is_active=False)
        asleep = make_member(self.tenant, "admin").user
        type(asleep).objects.filter(pk=asleep.pk).update(is_active=False)
        elsewhere = make_member(self.other_tenant, "viewer")
        for user_id in (former.user_id, asleep.pk, elsewhere.user_id, uuid4()):
            for response in (
                self.member.post(TASKS, self.new | {"assignee": str(user_id)}),
                self.member.patch(self.path, {"assignee": str(user_id)}),
            ):
                assert response.status_code == 400
                assert response.json() == {
                    "assignee": [f'Invalid pk "{user_id}" - object does not exist.']
                }

    def test_task_of_a_former_member_can_be_updated(self) -> None:
        former = make_member(self.tenant, "viewer")
        self.member.patch(self.path, {"assignee": str(former.user_id)})
        type(former).platform.filter(pk=former.pk).delete()
        response = self.member.patch(self.path, {"status": "done"})
        assert response.status_code == 200
        assert response.json()["assignee"] == str(former.user_id)

    def test_unchanged_former_assignee_is_accepted(self) -> None:
        former, asleep, other = (
            make_member(self.tenant, role) for role in ("viewer", "admin", "owner")
        )
        for assignee in (former, asleep):
            user_id = str(assignee.user_id)
            self.member.patch(self.path, {"assignee": user_id})
            if assignee is former:
                type(former).platform.filter(pk=former.pk).delete()
            else:
                type(asleep.user).objects.filter(pk=asleep.user_id).update(is_active=False)
            task = self.member.get(self.path).json()
            for response in (
                self.member.put(self.path, task),
                self.member.put(self.path, task | {"title": "Rise"}),
                self.member.patch(self.path, {"assignee": user_id}),
                self.member.patch(self.path, {"assignee": user_id.upper()}),
            ):
                assert (response.status_code, response.json()["assignee"]) == (200, user_id)
            taken = self.member.post(TASKS, self.new | {"assignee": user_id})
            assert (taken.status_code, list(taken.json())) == (400, ["assignee"])
        self.member.patch(self.path, {"assignee": str(other.user_id)})
        response = self.member.patch(self.path, {"assignee": str(former.user_id)})
        assert (response.status_code, list(response.json())) == (400, ["assignee"])

    def test_bad_values(self) -> None:
        cases: list[tuple[str, Any]] = [
            ("project", None),
            ("project", "x"),
            ("project", 7),
            ("project", []),
            ("project", str(uuid4())),
            ("title", ""),
            ("title", "x" * 201),
            ("status", "lost"),
            ("status", None),
            ("assignee", "x"),
            ("assignee", {}),
            ("due_on", "24.12.2026"),
            ("due_on", "2026-02-30"),
            ("position", -1),
            ("position", "x"),
            ("position", 2**31),
        ]
        for field, value in cases:
            response = self.member.post(TASKS, self.new | {field: value})
            assert response.status_code == 400, (field, value)
            assert list(response.json()) == [field], (field, value)

    def test_str_is_the_title(self) -> None:
        assert str(self.task) == "Land"
