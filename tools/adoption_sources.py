"""Bring the data of old projects, made with their libraries: `nox -s "adoption(row)"`.

Run in a generated project, in an environment with its tools and uv: ``python
adoption_sources.py``. The projects are those of tools/legacy_projects, and the plans those of
docs/adoption-sources.md.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from guides import make_environment
from restore import expect
from tutorial import steps

HERE = Path(__file__).parent
PAGE = Path("docs/adoption-sources.md")


@dataclass(frozen=True)
class Source:
    """An old project, and what must become of it."""

    kind: str
    packages: tuple[str, ...]
    tenants: dict[str, dict[str, object]]
    copying: tuple[str, ...] = ()
    opening: tuple[str, ...] = ()


SOURCES = [
    Source(
        "todo",
        ("django",),
        {"everything": {"projects": 2, "tasks": 100, "people": 2, "can_log_in": True}},
        opening=("--with-passwords",),
    ),
    Source(
        "tracker",
        ("django<6", "django-multitenant"),  # django-multitenant 4.1 fails with Django 6.1
        {
            "north": {"projects": 1, "tasks": 50, "people": 1, "can_log_in": False},
            "south": {"projects": 1, "tasks": 50, "people": 1, "can_log_in": False},
        },
    ),
    Source(
        "board",
        ("django", "django-tenants"),
        {
            "east": {"projects": 1, "tasks": 50, "people": 2, "can_log_in": False},
            "west": {"projects": 1, "tasks": 50, "people": 2, "can_log_in": False},
        },
        copying=("--trust-addresses",),
        opening=("--trust-addresses",),
    ),
]

# Prints what a tenant has, after checking that every reference leads to its own rows.
SHOW = """
import json
from django.test import Client
from apps.authentication.models import User
from apps.isolation import tenant_context
from apps.memberships.models import Membership
from apps.projects.models import Project, Task
from apps.tenants.models import Tenant
tenant = Tenant.objects.get(slug={slug!r})
people = [*Membership.objects.for_tenant(tenant).filter(is_active=True)]
owner = next(each.user for each in people if each.role == "owner")
body = {{"email": owner.email, "password": "an old password 1"}}
client = Client(headers={{"Host": "{slug}.localhost"}})
answer = client.post("/api/v1/auth/token/", body, "application/json")
with tenant_context(tenant):
    for task in Task.objects.select_related("project"):
        assert task.project.name and task.created_at, task
        assert task.title.lower().split()[0] in {starts!r}, task.title
        assert task.assignee_id in (None, *[each.user_id for each in people]), task
    print(json.dumps({{
        "projects": Project.objects.count(), "tasks": Task.objects.count(),
        "people": len(people), "can_log_in": answer.status_code == 200,
    }}))
"""


def main() -> None:
    environment = make_environment()
    plans = {step["file"]: step["text"] for step in steps(PAGE) if "file" in step}
    run(environment, "migrate", "--verbosity=0")
    for source in SOURCES:
        make(source, environment)
        file = f"{source.kind}.toml"
        Path(file).write_text(plans.pop(file), encoding="utf-8")
        bring(source, file, environment)
    expect(not plans, "each plan of the page was followed", str([*plans]))


def make(source: Source, environment: dict[str, str]) -> None:
    """Make the old project's database with its own library."""
    owner = urlsplit(environment["DATABASE_OWNER_URL"])
    name = f"legacy_{source.kind}"
    for query in (f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}"):
        must("psql", "-q", owner.geturl(), "-c", query, environment=environment)
    environment["LEGACY_URL"] = owner._replace(path=f"/{name}").geturl()
    packages = [f"--with={package}" for package in (*source.packages, "psycopg[binary]")]
    with TemporaryDirectory() as folder:
        program = [str(HERE / "legacy_projects" / "make.py"), source.kind, f"{folder}/project"]
        uv = ["uv", "run", "--no-project", "--isolated", *packages]
        must(*uv, "python", *program, environment=environment)


def bring(source: Source, plan: str, environment: dict[str, str]) -> None:
    """Follow the steps of an adoption, and look at the tenants."""
    for step in (["check"], ["copy", *source.copying], ["verify"]):
        run(environment, "adopt", plan, *step)
    for slug, wanted in source.tenants.items():
        run(environment, "adopt", plan, "open", "--tenant", slug, *source.opening)
        starts = ("ann", "bob") if source.kind == "todo" else (slug,)
        shown = run(environment, "shell", "-v0", "-c", SHOW.format(slug=slug, starts=starts))
        found = json.loads(shown.splitlines()[-1])
        expect(found == wanted, f"{source.kind}: {slug} has {found}", str(wanted))
    run(environment, "adopt", plan, "rollback", "--discard-changes")


def run(environment: dict[str, str], *arguments: str) -> str:
    """Run a command of the project, which must succeed."""
    return must(sys.executable, "manage.py", *arguments, environment=environment)


def must(*command: str, environment: dict[str, str]) -> str:
    """Run a program, which must succeed; return its output."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    # Addresses contain passwords.
    shown = " ".join(part for part in command if "://" not in part).partition("\n")[0]
    expect(done.returncode == 0, shown, done.stdout + done.stderr)
    return done.stdout


if __name__ == "__main__":
    main()
