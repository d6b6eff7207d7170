"""Another installation of the project, with its own PostgreSQL and files."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from apps.isolation.fields import new_id
from apps.portability.tests.conftest import fill
from apps.tenants.models import Tenant
from apps.tenants.services import create_tenant
from config.env import BASE_DIR

OWN = ("DATABASE_", "EMBEDDED_", "DJANGO_SETTINGS_MODULE")
LEFT_OUT = (".env", ".git", ".postgres", ".venv", "media", "staticfiles", "__pycache__", ".*_cache")

# Runs the command, unless its verb is the one that fails, and has been run so many times before.
FAILING = """
for word; do
    if [ "$word" = {verb} ]; then
        echo >> {log}
        if [ "$(wc -l < {log})" -gt {times} ]; then echo "the connection is lost" >&2; exit 1; fi
    fi
done
exec "$@"
"""


class Installation:
    """A copy of the project, and the commands that run there."""

    def __init__(self, folder: Path) -> None:
        """Copy the project, and create its database."""
        self.folder = folder
        ignored = shutil.ignore_patterns(*LEFT_OUT)
        shutil.copytree(BASE_DIR, folder, ignore=ignored, dirs_exist_ok=True)
        subprocess.run([folder / "scripts" / "bootstrap-env.sh"], check=True, capture_output=True)
        self.manage("migrate", "--verbosity=0")

    @property
    def command(self) -> str:
        """The prefix of its commands."""
        unset = [f"--unset={name}" for name in os.environ if name.startswith(OWN)]
        settings = "DJANGO_SETTINGS_MODULE=config.settings.test"
        place = ["env", f"--chdir={self.folder}", *unset, settings]
        return shlex.join([*place, sys.executable, "manage.py"])

    def failing(self, verb: str, *, after: int = 0) -> str:
        """Return a prefix of which the commands with one verb fail, after some of them."""
        log = self.folder / f"{verb}-{new_id()}.log"
        script = FAILING.format(verb=verb, times=after, log=shlex.quote(str(log)))
        return shlex.join(["sh", "-c", script, "sh", *shlex.split(self.command)])

    def manage(self, *arguments: str) -> str:
        """Run a command, which must succeed; return its output."""
        command = [*shlex.split(self.command), *arguments]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def run(self, code: str) -> str:
        """Run Python there; return what it prints."""
        return self.manage("shell", "--no-imports", "-c", code).strip()


@pytest.fixture(scope="session")
def other(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Return another installation."""
    return Installation(tmp_path_factory.mktemp("other") / "project")


@pytest.fixture
def tenant(provisioning: None) -> Tenant:
    """Return a tenant with rows of every kind, a file and members."""
    # The other installation keeps what earlier tests have moved there.
    tenant = create_tenant(slug=f"acme-{new_id().hex[-12:]}", name="Acme")
    fill(tenant)
    return tenant
