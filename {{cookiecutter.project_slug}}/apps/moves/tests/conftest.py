"""Another installation of the project, with its own PostgreSQL and files."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import pytest

from apps.isolation.fields import new_id
from apps.portability.tests.conftest import fill
from apps.tenants.models import Tenant
from apps.tenants.services import create_tenant
from config.env import BASE_DIR

OWN = ("DATABASE_", "EMBEDDED_", "DJANGO_SETTINGS_MODULE", "SECRET_KEY")
LEFT_OUT = (".env", ".git", ".postgres", ".venv", "media", "staticfiles", "__pycache__", ".*_cache")

# Runs commands of manage.py in forks of itself, since Django takes seconds to start, until its
# standard input ends. A command's arguments and files come over a socket.
SERVER = """
import json, os, signal, socket, sys, threading
from devtools.embedded_postgres import configure_environment
configure_environment()
import django
django.setup()
from apps.isolation.management.tenant_option import TenantManagementUtility

def run(connection, words):
    code = 1
    try:
        TenantManagementUtility(["manage.py", *words]).execute()
        code = 0
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    connection.sendall(bytes([code]))
    os._exit(0)

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
threading.Thread(target=lambda: (os.read(0, 1), os._exit(0)), daemon=True).start()
print("ready", flush=True)
while True:
    connection, _ = listener.accept()
    words, files, *_ = socket.recv_fds(connection, 100_000, 3)
    if os.fork() == 0:
        for number, file in enumerate(files):
            os.dup2(file, number)
        run(connection, json.loads(words))
    for file in files:
        os.close(file)
    connection.close()
"""
CLIENT = """
import json, socket, sys
server = socket.socket(socket.AF_UNIX)
server.connect(sys.argv[1])
socket.send_fds(server, [json.dumps(sys.argv[2:]).encode()], [0, 1, 2])
sys.exit(server.recv(1)[0])
"""

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
        self.socket = Path(mkdtemp()) / "socket"  # whose path must be short
        kept = {name: os.environ[name] for name in os.environ if not name.startswith(OWN)}
        self.server = subprocess.Popen(
            [sys.executable, "-c", SERVER, self.socket],
            cwd=folder,
            env={**kept, "DJANGO_SETTINGS_MODULE": "config.settings.test"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.server.stdout is not None
        assert self.server.stdout.readline() == b"ready\n"
        self.manage("migrate", "--verbosity=0")

    @property
    def command(self) -> str:
        """The prefix of its commands."""
        return shlex.join([sys.executable, "-I", "-S", "-c", CLIENT, str(self.socket)])

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
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Return another installation."""
    installation = Installation(tmp_path_factory.mktemp("other") / "project")
    yield installation
    installation.server.communicate()
    rmtree(installation.socket.parent)


@pytest.fixture
def tenant(provisioning: None) -> Tenant:
    """Return a tenant with rows of every kind, a file and members."""
    # The other installation keeps what earlier tests have moved there.
    tenant = create_tenant(slug=f"acme-{new_id().hex[-12:]}", name="Acme")
    fill(tenant)
    return tenant
