"""Measures migrations of all tenants, and the state after a killed one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from measure import rows, seconds_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contestants import Contestant

OF_THEIR_OWN = ("schema", "database")
"""The strategies in which a migration is applied to each tenant by itself."""

MIGRATION = """
from django.db import migrations, models

class Migration(migrations.Migration):
    dependencies = [("projects", "{before}")]
    operations = [
        migrations.AddField("project", "{field}", models.CharField(max_length=9, default="blue"))
    ]
"""
SETTINGS = """
from {settings} import *
MIGRATION_MODULES = {{"projects": "more_migrations"}}
"""


class NextVersion:
    """A newer version of a project, with additional migrations."""

    def __init__(self, contestant: Contestant, folder: Path) -> None:
        self._package = folder / "more_migrations"
        shutil.copytree(contestant.folder / "apps/projects/migrations", self._package)
        self._names = [max(path.stem for path in self._package.glob("0*.py"))]
        settings = SETTINGS.format(settings=contestant.settings)
        (folder / "more_settings.py").write_text(settings, encoding="utf-8")
        self.environment = {
            "DJANGO_SETTINGS_MODULE": "more_settings",
            "PYTHONPATH": os.pathsep.join([str(folder), str(contestant.folder)]),
        }

    def add(self, field: str) -> str:
        """Add a migration that gives projects a field; return its name."""
        text = MIGRATION.format(before=self._names[-1], field=field)
        self._names.append(f"99{len(self._names)}_{field}")
        (self._package / f"{self._names[-1]}.py").write_text(text, encoding="utf-8")
        return self._names[-1]


def migrations(contestant: Contestant) -> dict[str, float]:
    """Return the seconds of ``migrate`` with nothing to apply, and with one new field.

    For comparison: Django's start, PostgreSQL's work with nothing to apply, and the same change by
    SQL only. For a second field: the number of migrated tenants when the process was killed.
    """
    contestant.migrate()  # records new tenants in the ledger
    with tempfile.TemporaryDirectory() as folder:
        after = NextVersion(contestant, Path(folder))
        measured = {
            "start": seconds_of(lambda: contestant.run("-c", "import django; django.setup()")),
            **_idle(contestant),
            "raw": seconds_of(lambda: _by_hand(contestant)),
        }
        after.add("colour")
        measured["field"] = contestant.migrate(**after.environment)
        if contestant.name in OF_THEIR_OWN:
            measured["killed_after"] = _killed(contestant, after)
    return measured


def _idle(contestant: Contestant) -> dict[str, float]:
    """Return the seconds of a run with nothing to apply, and of PostgreSQL's part of it."""
    query = f"SELECT sum(active_time) FROM pg_stat_database WHERE {contestant.databases()}"
    before = rows(query)[0][0]
    nothing = contestant.migrate()
    return {"nothing": nothing, "busy": (rows(query)[0][0] - before) / 1000}


def _killed(contestant: Contestant, after: NextVersion) -> int:
    """Kill ``migrate`` halfway, run it again; return the number of migrated tenants at the kill.

    A lock on the table of the middle tenant stops the first run halfway. Exits if a tenant does not
    have the migration exactly once afterwards.
    """
    name = after.add("size")
    storages = _storages(contestant)
    with _held(contestant, storages[len(storages) // 2]):
        command = [sys.executable, "manage.py", "migrate", "--skip-checks", "--workers=1"]
        environment = contestant.environment | after.environment
        with subprocess.Popen([*command, "-v0"], cwd=contestant.folder, env=environment) as process:
            while not rows("SELECT FROM pg_locks WHERE NOT granted"):
                if process.poll() is not None:
                    sys.exit(f"{contestant.name}: migrate ended before it was killed")
                time.sleep(0.01)
            process.kill()
    reached = sum(_times_applied(contestant, storage, name) for storage in storages)
    contestant.migrate(**after.environment)
    wrong = [each for each in storages if _times_applied(contestant, each, name) != 1]
    if wrong:
        sys.exit(f"{contestant.name}: after a kill and a second run, not once in {wrong[:5]}")
    return reached


@contextmanager
def _held(contestant: Contestant, storage: str) -> Iterator[None]:
    """Hold a reader's lock on a table that the migration changes."""
    url, options = _place(contestant, storage)
    with psycopg.connect(url, **options) as connection:
        connection.execute("SELECT FROM projects_project")
        yield


def _times_applied(contestant: Contestant, storage: str, name: str) -> int:
    query = f"SELECT count(*) FROM django_migrations WHERE app = 'projects' AND name = '{name}'"
    url, options = _place(contestant, storage)
    return int(rows(query, url, **options)[0][0])


def _by_hand(contestant: Contestant) -> None:
    """Add a field to each tenant's table by Django's SQL only, the fastest possible way."""
    table = "ALTER TABLE {0}projects_project"
    add = "ADD COLUMN by_hand varchar(9) DEFAULT 'blue' NOT NULL"
    alter = f"BEGIN; {table} {add}; {table} ALTER COLUMN by_hand DROP DEFAULT; COMMIT"
    if contestant.name == "database":
        for storage in _storages(contestant):
            _execute(_place(contestant, storage)[0], [alter.format("")])
        return
    prefixes = [f"{name}." for name in _storages(contestant)] or [""]
    _execute(contestant.owner_url, [alter.format(prefix) for prefix in prefixes])


def _storages(contestant: Contestant) -> list[str]:
    """Return the names of the tenants' schemas or databases; empty for rows."""
    names = "SELECT datname FROM pg_database WHERE datname ~ '^t_[0-9a-f]{32}$' ORDER BY 1"
    if contestant.name != "database":
        names = "SELECT nspname FROM pg_namespace WHERE nspname ~ '^t_?[0-9a-f]+$' ORDER BY 1"
    return [name for (name,) in rows(names, contestant.owner_url)]


def _place(contestant: Contestant, storage: str) -> tuple[str, dict[str, Any]]:
    """Return the address and the options of a connection to a tenant's storage."""
    if contestant.name == "database":
        return f"{contestant.owner_url.rpartition('/')[0]}/{storage}", {}
    return contestant.owner_url, {"options": f"-c search_path={storage}"}


def _execute(url: str, messages: list[str]) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for message in messages:
            connection.execute(message.encode())
