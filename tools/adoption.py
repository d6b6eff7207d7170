"""Bring an old project's data by the commands of docs/adoption.md: `nox -s "adoption(row)"`.

Run in a generated project, in an environment with its tools and uv: ``python adoption.py``. The old
project is legacy.sql, with 100,000 rows that are dirty in every way that `check` finds. Between the
page's steps, a copy is killed, and the old project goes on.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from guides import make_environment
from pages import commands
from restore import expect, shell
from tutorial import steps

HERE = Path(__file__).parent
PAGE = Path("docs/adoption.md")
DATABASE = "legacy_cards"

# What `check` must find in the dirty source.
FOUND = [
    "initech ltd.: ",
    "initech ltd.: no user has the role owner",
    "addresses of several users: 1, such as user1@cards.test",
    "projects.task without a title: 1, such as ",
    "projects.task with a title over 200 characters: 1, such as ",
    "projects.project with a created_by_id whom users.query lacks: 1",
    r"projects.project: the source has 52 rows, and the tenants have 51",
    r"projects.task: the source has 99003 rows, and the tenants have 99002",
]

# Waits until a copy has stored a table, while its largest one is not there yet.
WATCH = """
import time
from django.db import DatabaseError
from apps.isolation import ActiveTenant
from apps.isolation.context import activate_tenant
from apps.projects.models import Project, Task
from apps.tenants.models import Tenant
found, end = False, time.monotonic() + 60
while not found and time.monotonic() < end:
    time.sleep(0.05)
    tenant = Tenant.objects.filter(slug="acme-cards").first()
    try:
        if tenant:
            with activate_tenant(ActiveTenant(tenant.pk)):
                found = Project.objects.exists()
    except DatabaseError:
        pass  # the storage is being made
with activate_tenant(ActiveTenant(tenant.pk)):
    assert not Task.objects.exists()
"""
COUNT = """
from apps.isolation import tenant_context
from apps.projects.models import Attachment, Task
from apps.tenants.models import Tenant
with tenant_context(Tenant.objects.get(slug="acme-cards")):
    print(Task.objects.count(), Attachment.objects.first().file.read().decode())
"""


class Adoption:
    """The old project, and the reader of the page."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        owner = urlsplit(environment["DATABASE_OWNER_URL"])
        for query in (f"DROP DATABASE IF EXISTS {DATABASE}", f"CREATE DATABASE {DATABASE}"):
            self.must("psql", "-q", owner.geturl(), "-c", query)
        self.legacy = owner._replace(path=f"/{DATABASE}").geturl()
        environment["LEGACY_URL"] = self.legacy
        environment["LEGACY_MEDIA"] = str(Path("legacy-media").absolute())
        self.media = ("--media", environment["LEGACY_MEDIA"])

    def sql(self, file: str) -> None:
        """Run a file of SQL in the old project's database."""
        self.must("psql", "-q", "-v", "ON_ERROR_STOP=1", self.legacy, "-f", str(HERE / file))

    def must(self, *command: str) -> str:
        """Run a program, which must succeed; return its output."""
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False
        )
        # Addresses contain passwords.
        shown = " ".join(part for part in command if "://" not in part).partition("\n")[0]
        expect(done.returncode == 0, shown, done.stdout + done.stderr)
        return done.stdout

    def adopt(self, step: str) -> dict[str, object]:
        """Do a step, and return its report."""
        command = [sys.executable, "manage.py", "adopt", "plan.toml", step, "--json", *self.media]
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False
        )
        report: dict[str, object] = json.loads(done.stdout)
        return {**report, "succeeded": done.returncode == 0}

    def kill_a_copy(self) -> None:
        """Kill a copy once it has stored its first table: the projects."""
        command = [sys.executable, "manage.py", "adopt", "plan.toml", "copy", *self.media]
        process = subprocess.Popen(command, env=self.environment, start_new_session=True)
        watch = [sys.executable, "manage.py", "shell", "--no-imports", "-c", WATCH]
        subprocess.run(watch, env=self.environment, check=True)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        statuses = self.adopt("status")
        expect(statuses["acme-cards"] == {"status": "importing"}, "a copy was killed half-way")

    def follow(self) -> None:
        """Follow the page, and do between its steps what happens to a reader."""
        for step in steps(PAGE):
            if "file" in step:
                Path(step["file"]).write_text(step["text"], encoding="utf-8")
                self.find()
            elif "manage.py adopt" in step.get("text", ""):
                self.run(step["text"])

    def find(self) -> None:
        """Check the dirty source, mend it, and kill the first copy."""
        report = self.adopt("check")
        expect(not report["succeeded"], "check fails")
        found = "\n".join(map(str, report["problems"])).lower()  # type: ignore[call-overload]
        for sentence in FOUND:
            expect(re.search(sentence, found), f"check finds: {sentence}", found)
        self.sql("legacy_mended.sql")
        self.kill_a_copy()

    def run(self, block: str) -> None:
        """Run a block of the page, for a tenant whose slug is free beside the demo's."""
        lines = [line.replace("acme", "acme-cards") for line in commands(block)]
        if " open " in block:
            self.sql("legacy_later.sql")
        started = time.monotonic()
        done = shell(*lines, environment=self.environment)
        seconds = time.monotonic() - started
        expect(done.returncode == 0, f"{lines[-1]} ({seconds:.0f} s)", done.stdout + done.stderr)
        if " open " in block:
            counted = self.must(sys.executable, "manage.py", "shell", "--no-imports", "-c", COUNT)
            expect(counted.split() == ["48001", "file1"], "rows and files are here", counted)


def main() -> None:
    subprocess.run(["git", "init", "--quiet"], check=True)
    adoption = Adoption(make_environment())
    media = Path(adoption.environment["LEGACY_MEDIA"]) / "cards"
    media.mkdir(parents=True, exist_ok=True)
    for number in range(1, 11):
        (media / f"{number}.txt").write_text(f"file{number}"[:5])
    adoption.must(sys.executable, "manage.py", "migrate", "--verbosity=0")
    adoption.sql("legacy.sql")
    adoption.follow()


if __name__ == "__main__":
    main()
