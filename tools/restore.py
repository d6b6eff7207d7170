"""Restore one of two tenants by the commands of docs/restore.md, and check both.

A part of guides.py. It runs the page's blocks unchanged. Between backup and restore, both tenants
continue to work, and tenants with their own tables are migrated.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from pages import blocks

PAGE = Path("docs/restore.md")
MODELS = Path("apps/projects/models.py")

# Both tenants have a file. They continue to work: one project is deleted with its tasks and files,
# one is created, and all others are renamed.
ATTACH = """
from django.core.files.base import ContentFile
from apps.projects.models import Attachment, Task
task = Task.objects.order_by("pk").first()
Attachment.objects.create(task=task, file=ContentFile(slug.encode(), name="a"), name="a", size=1)
"""
# Erase a user of acme whose rows are in the backup.
ASSIGN = """
from apps.projects.models import Task
from apps.memberships.models import Membership
from apps.tenants.models import Tenant
members = Membership.objects.for_tenant(Tenant.objects.get(slug=slug))
Task.objects.update(assignee_id=members.get(user__email="member@acme.test").user_id)
"""
ASSIGNED = """
from apps.projects.models import Task
print(Task.objects.exclude(assignee_id=None).count())
"""
GO_ON = """
from apps.projects.models import Project, Task
from apps.projects.services import delete_project
delete_project(Project.objects.filter(tasks=Task.objects.order_by("pk").first()).get())
Project.objects.update(name=Concat("name", Value(" after the backup")))
Project.objects.create(name="made after the backup")
"""
# All rows of a tenant, without later columns, and its files.
DUMP = """
from apps.projects.models import Attachment, Project, Task
rows = {model.__name__: list(model.objects.order_by("pk").values()) for model in (Project, Task)}
for row in rows["Project"]:
    row.pop("code", None)
for row in [*rows["Project"], *rows["Task"]]:
    row.pop("assignee_id", None), row.pop("created_by_id")
rows["Attachment"] = [[row.name, row.file.read().decode()] for row in Attachment.objects.all()]
print(json.dumps(rows, default=str))
"""
FOR_EACH = """
import json
from django.db.models import Value
from django.db.models.functions import Concat
from apps.isolation import tenant_context
from apps.tenants.models import Tenant
for slug in {slugs!r}.split():
    with tenant_context(Tenant.objects.get(slug=slug)):
        exec({code!r})
"""


def expect(holds: object, what: str, output: str = "") -> None:
    if not holds:
        sys.exit(f"FAILED  {what}\n{output[-4000:]}")
    print(f"ok  {what}", flush=True)


def shell(
    *parts: str, environment: dict[str, str], replacing: tuple[str, str] = ("", "")
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(parts).replace(*replacing)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


class Walk:
    """The page, the server, and the checks of the two tenants."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        print(f"== {PAGE}", flush=True)
        before, _, after = PAGE.read_text(encoding="utf-8").partition("\n## The restore\n")
        self.variables, self.backup = blocks(before)
        self.restore = "\n".join(blocks(after))

    def run(self, *parts: str) -> str:
        done = shell(*parts, environment=self.environment)
        expect(done.returncode == 0, parts[-1].strip().splitlines()[0], done.stdout + done.stderr)
        return done.stdout

    def manage(self, *arguments: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False
        )
        expect(done.returncode == 0, " ".join(arguments[:2])[:60], done.stdout + done.stderr)
        return done.stdout

    def ask(self, slugs: str, code: str) -> str:
        return self.manage("shell", "--verbosity=0", "-c", FOR_EACH.format(slugs=slugs, code=code))

    def backup_of(self, slug: str) -> str:
        """Return the backup of a tenant by the page's commands, without varying parts."""
        self.run(self.variables.replace("tenant=acme", f"tenant={slug}"), self.backup)
        file = Path(f"{slug}.sql")
        lines = file.read_text(encoding="utf-8").splitlines()
        file.unlink()
        return "\n".join(line for line in lines if not line.startswith("\\"))


def walk(strategy: str, environment: dict[str, str]) -> None:
    walk = Walk(environment)
    walk.manage("migrate", "--verbosity=0")
    walk.manage("seed_demo")
    walk.ask("acme globex", ATTACH)
    walk.ask("acme", ASSIGN)
    expect(int(walk.ask("acme", ASSIGNED)), "tasks of acme are assigned")
    at_backup = walk.ask("acme", DUMP)
    walk.run(walk.variables, walk.backup)

    walk.ask("acme globex", GO_ON)
    walk.manage("erase_user_data", "acme", "member@acme.test")
    if strategy != "row":
        migrate(walk)
    expect(walk.ask("acme", DUMP) != at_backup, "acme has changed since its backup")
    others, files = walk.backup_of("globex"), walk.ask("globex", DUMP)

    walk.run(walk.variables, walk.restore)
    whole = walk.run("pg_restore --list platform.dump")
    expect("TABLE DATA public authentication_user" in whole, "the platform has a backup", whole)
    expect(json.loads(walk.ask("acme", DUMP)) == json.loads(at_backup), "acme is as it was")
    expect(not int(walk.ask("acme", ASSIGNED)), "the erasure since the backup is repeated")
    expect(walk.ask("globex", DUMP) == files, "globex has its rows and files")
    expect(walk.backup_of("globex") == others, "the backup of globex is the same text as before")
    if strategy == "row":
        aim_at_another(walk)
        expect(walk.backup_of("globex") == others, "the backup of globex is still the same")
        migrate(walk)
    go_back(walk)


def migrate(walk: Walk) -> None:
    """Add a column that the backup lacks."""
    models = MODELS.read_text(encoding="utf-8")
    line = "    description = models.TextField("
    expect(line in models, f"{MODELS} can be changed")
    added = f'    code = models.CharField(max_length=9, default="")\n{line}'
    MODELS.write_text(models.replace(line, added, 1), encoding="utf-8")
    walk.manage("makemigrations", "--no-header", "projects")
    walk.manage("migrate", "--verbosity=0")


def go_back(walk: Walk) -> None:
    """Undo the migration as in docs/migrations.md, and apply it again."""
    expect("0002" not in walk.manage("migrate", "--plan"), "the migration is applied")
    text = Path("docs/migrations.md").read_text(encoding="utf-8")
    walk.run(blocks(text.partition("\n## The way back\n")[2])[0])
    expect("0002" in walk.manage("migrate", "--plan"), "the migration is undone")
    walk.manage("migrate", "--verbosity=0")


def aim_at_another(walk: Walk) -> None:
    """Restore acme's file with the id of globex, which the policy must refuse."""
    other = walk.variables.replace("tenant=acme", "tenant=globex")
    (put_back,) = (each for each in blocks(PAGE.read_text(encoding="utf-8")) if "DELETE" in each)
    Path("globex.sql").write_bytes(Path("acme.sql").read_bytes())
    done = shell(other, put_back, environment=walk.environment)
    refused = done.returncode != 0 and "row-level security" in done.stderr
    expect(refused, "the policy refuses rows of acme as those of globex", done.stdout + done.stderr)
