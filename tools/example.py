"""Replace a project's example by another app: `nox -s example`.

Run in a generated project, in an environment with its tools: ``python example.py``. It writes a
small app, follows docs/development.md exactly, and runs the checks, the tests and the demo.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from pages import blocks, commands, plain

PAGE = Path("docs/development.md")
APP = Path("apps/rooms")
CHECKS = ("format", "lint", "types", "imports", "migrations", "deploy", "tenancy", "tests")
ENVIRONMENT = {
    **os.environ,
    "VIRTUAL_ENV": sys.prefix,
    "UV_PROJECT_ENVIRONMENT": sys.prefix,
}

MODELS = '''\
from django.db import models

from apps.isolation.fields import UserForeignKey
from apps.isolation.models import TenantModel, tenant_unique


class Room(TenantModel):
    """Where people meet."""

    name = models.CharField(max_length=50)
    booked_by = UserForeignKey(null=True)

    class Meta:
        constraints = [tenant_unique("name", name="room_name_unique")]

    def __str__(self) -> str:
        return self.name
'''
TEST = """\
from typing import Any

from apps.isolation import tenant_context
from apps.rooms.models import Room


def test_a_room_is_its_tenant_s(acme: Any, globex: Any) -> None:
    with tenant_context(acme):
        Room.objects.create(name="blue")
    with tenant_context(globex):
        assert not Room.objects.exists()
"""
VIEWS = """\
from typing import Any

from rest_framework.viewsets import ModelViewSet

from apps.isolation.integrations.rest_framework import TenantModelSerializer
from apps.rooms.models import Room
from apps.memberships.roles import Role


class RoomSerializer(TenantModelSerializer[Room]):
    class Meta:
        model = Room
        fields = ["id", "name"]


class RoomViewSet(ModelViewSet[Any]):
    queryset = Room.objects.all()
    serializer_class = RoomSerializer
    read_role = Role.VIEWER
    write_role = Role.MEMBER
"""
URLS = """\
from rest_framework.routers import SimpleRouter

from apps.rooms import views

router = SimpleRouter()
router.register("rooms", views.RoomViewSet)

urlpatterns = router.urls
"""


CONFIG = """\
from django.apps import AppConfig

from apps.pages import navigation


class RoomsConfig(AppConfig):
    name = "apps.rooms"

    def ready(self) -> None:
        navigation.register("Rooms", "rooms")
"""
PAGES = """\
from django.http import HttpResponse
from django.views.decorators.http import require_safe

from apps.authentication.decorators import MemberRequest, require_role
from apps.pages.rendering import render_page
from apps.rooms.models import Room


@require_role("viewer")
@require_safe
def rooms(request: MemberRequest) -> HttpResponse:
    return render_page(request, "rooms/rooms.html", title="Rooms", rows=Room.objects.all())
"""
PAGE_URLS = """\
from django.urls import path

from apps.rooms import pages

urlpatterns = [path("", pages.rooms, name="rooms")]
"""
TEMPLATE = """\
{% extends "pages/base.html" %}
{% block main %}<ul>{% for room in rows %}<li>{{ room.name }}</li>{% endfor %}</ul>{% endblock %}
"""


def write_app(app: Path) -> None:
    """Write an app with one model and its test."""
    for package in (app, app / "migrations", app / "tests"):
        package.mkdir()
        (package / "__init__.py").touch()
    (app / "models.py").write_text(MODELS, encoding="utf-8")
    (app / "tests" / "test_rooms.py").write_text(TEST, encoding="utf-8")


def write_route(app: Path) -> None:
    """Write a route of the API, and a page with the site's layout."""
    templates = app / "templates" / "rooms"
    templates.mkdir(parents=True)
    (templates / "rooms.html").write_text(TEMPLATE, encoding="utf-8")
    (app / "apps.py").write_text(CONFIG, encoding="utf-8")
    (app / "pages.py").write_text(PAGES, encoding="utf-8")
    (app / "page_urls.py").write_text(PAGE_URLS, encoding="utf-8")
    (app / "views.py").write_text(VIEWS, encoding="utf-8")
    (app / "urls.py").write_text(URLS, encoding="utf-8")


def section(page: str) -> str:
    """Return the section about replacing the example."""
    return page.partition("\n## Replacing the example\n")[2].partition("\n## ")[0]


def edits(page: str) -> list[tuple[str, str, str]]:
    """Return the rows of its table: file, old text, and new text."""
    return re.findall(r"^\| `(\S+)` \| `(\S+)` \| `(\S+)` \|$", section(page), re.MULTILINE)


def replace(page: str) -> None:
    """Follow the section from its first line to its last."""
    first, last = blocks(section(page))
    run(*commands(first))
    for name, before, after in edits(page):
        text = Path(name).read_text(encoding="utf-8")
        if before not in text:
            sys.exit(f"FAILED  {name} does not hold {before}")
        Path(name).write_text(text.replace(before, after), encoding="utf-8")
        print(f"ok  {name}: {after} instead of {before}", flush=True)
    run(*commands(last))


def run(*lines: str) -> None:
    for line in lines:
        command = re.sub(r"^manage\.py", f"{sys.executable} manage.py", plain(line))
        done = subprocess.run(command.split(), env=ENVIRONMENT, check=False)
        if done.returncode:
            sys.exit(f"FAILED  {line}")
        print(f"ok  {line}", flush=True)


def main() -> None:
    write_app(APP)
    write_route(APP)
    run("manage.py migrate --verbosity=0", "manage.py seed_demo")
    replace(PAGE.read_text(encoding="utf-8"))
    run("ruff check --quiet --fix apps", "ruff format --quiet apps")
    for check in CHECKS:
        run(f"scripts/verify.sh {check}")
    run("manage.py demo --check")


if __name__ == "__main__":
    main()
