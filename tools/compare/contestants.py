"""Assembles the compared projects, sets them up on one PostgreSQL server, and serves them."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
STRATEGIES = ("schema", "row", "database")
PEER = "django-tenants"
ROW_PEER = "django-rls-tenants"
PLAIN = "plain"

OVERLAYS = {
    PLAIN: ("config.settings", ["plain"]),
    PEER: ("config.settings_tenants", ["plain", "django_tenants"]),
    ROW_PEER: ("config.settings_rls", ["plain", "django_rls_tenants"]),
}
"""The files and settings of the projects without our isolation."""

OF_THE_PRODUCT = (
    "apps/__init__.py",
    "apps/api/__init__.py",
    "apps/api/downloads.py",
    "apps/api/keyset.py",
    "apps/api/pagination.py",
    "apps/api/parsers.py",
    "apps/api/text.py",
    "apps/authentication/__init__.py",
    "apps/authentication/models.py",
    "apps/isolation/integrations/rest_framework.py",
    "apps/observability/__init__.py",
    "apps/observability/request_id.py",
    "apps/projects/__init__.py",
    "apps/projects/exceptions.py",
    "apps/projects/filters.py",
    "apps/projects/models.py",
    "apps/projects/parsers.py",
    "apps/projects/selectors.py",
    "apps/projects/serializers.py",
    "apps/projects/services.py",
    "apps/projects/urls.py",
    "apps/projects/views.py",
    "apps/memberships/__init__.py",
    "apps/memberships/roles.py",
    "config/__init__.py",
    "gunicorn.conf.py",
)
"""Files that the projects without isolation share with the others, byte for byte."""

PATIENCE = 120
"""Seconds that a server has to start in, or to answer."""


@dataclass
class Seat:
    """A tenant, with a member and a project for requests."""

    host: str
    token: str
    project: str
    seconds: float


@dataclass
class Contestant:
    """A project, its folder, and the tenants that it has."""

    name: str
    folder: Path
    settings: str
    owner_url: str
    seats: list[Seat] = field(default_factory=list)
    port: int = 0
    server: int = 0

    @property
    def environment(self) -> dict[str, str]:
        """The environment of production settings without rate limits."""
        database = {"DATABASE_OWNER_URL": self.owner_url, "DATABASE_URL": self.run_time_url}
        return {
            **os.environ,
            **database,
            "TENANT_REQUESTS_IN_FLIGHT": "0",
            **dict.fromkeys(("THROTTLE_MEMBER", "THROTTLE_TENANT", "THROTTLE_ANONYMOUS"), ""),
            "DJANGO_SETTINGS_MODULE": self.settings,
            "JWT_SIGNING_KEY": SECRET,
            "PYTHONPATH": str(self.folder),
            "SECRET_KEY": SECRET,
            "SHARED_HOSTS": "shared.localhost",
            "TENANT_BASE_DOMAIN": "localhost",
            "TRUSTED_PROXY_COUNT": "1",
            "WEB_CONCURRENCY": "1",
        }

    @property
    def run_time_url(self) -> str:
        """The address of the database with the run-time role."""
        return self.owner_url.replace("app_owner", "app_user", 1)

    def run(self, *arguments: str, **more: str) -> str:
        """Run Python with these arguments in the project; return its output, or exit on error."""
        command = [sys.executable, *arguments]
        environment = self.environment | more
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            sys.exit(f"{self.name}: {' '.join(arguments)}\n{done.stdout[-2000:]}{done.stderr}")
        return done.stdout

    def migrate(self, **more: str) -> float:
        """Apply all migrations to every tenant; return the seconds, including Python's start."""
        command = "migrate_schemas" if self.name == PEER else "migrate"
        checks = () if self.name == PEER else ("--skip-checks",)
        started = time.perf_counter()
        self.run("manage.py", command, "--verbosity=0", *checks, **more)
        return time.perf_counter() - started

    def add_tenants(self, number: int, *options: str) -> list[Seat]:
        """Create further tenants; return them."""
        first = len(self.seats)
        numbers = (str(first), str(first + number))
        lines = self.run(str(HERE / "seed.py"), *numbers, *options).splitlines()
        added = [Seat(**json.loads(line)) for line in lines if line.startswith("{")]
        self.seats += added
        return added

    def databases(self) -> str:
        """Return a condition on ``datname`` for the databases of this project."""
        own = f"datname = '{self.owner_url.rpartition('/')[2]}'"
        return f"({own} OR datname ~ '^t_')" if self.name == "database" else own

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Serve the project with one process and its own configuration."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        command = ["gunicorn", "config.wsgi", f"--bind=127.0.0.1:{self.port}"]
        log = (self.folder / "server.log").open("w")
        with (
            log,
            subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=log,
            ) as process,
        ):
            self.server = process.pid
            try:
                self._await(process)
                yield
            finally:
                process.terminate()

    def _await(self, process: subprocess.Popen[Any]) -> None:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and process.poll() is None:
            try:
                client = Client(self)
            except OSError:
                time.sleep(0.1)
                continue
            client.list_tasks(self.seats[-1])
            return client.close()
        sys.exit(f"{self.name} does not serve:\n{(self.folder / 'server.log').read_text()}")


class Client:
    """A persistent connection to a contestant's server."""

    def __init__(self, contestant: Contestant) -> None:
        self.contestant = contestant
        self._connection = HTTPConnection("127.0.0.1", contestant.port, timeout=PATIENCE)
        self._connection.connect()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def list_tasks(self, seat: Seat) -> float:
        """Request 50 tasks; return the seconds. Exit if one belongs to another tenant."""
        seconds, content = self._ask("GET", "/api/v1/tasks/", seat)
        projects = {task["project"] for task in json.loads(content)["results"]}
        if self.contestant.name != PLAIN and projects != {seat.project}:
            sys.exit(f"{self.contestant.name}: {seat.host} was shown tasks of {projects}")
        return seconds

    def add_task(self, seat: Seat) -> float:
        """Add a task; return the seconds."""
        body = json.dumps({"project": seat.project, "title": "one more"})
        return self._ask("POST", "/api/v1/tasks/", seat, body)[0]

    def _ask(
        self, method: str, path: str, seat: Seat, body: str | None = None
    ) -> tuple[float, bytes]:
        headers = {
            "Host": seat.host,
            "Authorization": f"Bearer {seat.token}",
            "Content-Type": "application/json",
            "X-Forwarded-Proto": "https",
        }
        started = time.perf_counter()
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        content = answer.read()
        seconds = time.perf_counter() - started
        if answer.status not in {200, 201}:
            sys.exit(f"{self.contestant.name}: {method} {path}: {answer.status} {content[:500]!r}")
        return seconds, content


SECRET = secrets.token_urlsafe(48)


def assemble(build: Path, generated: dict[str, Path]) -> list[Contestant]:
    """Assemble all projects, each with its own database on the same server."""
    for name, (_, parts) in OVERLAYS.items():
        _assemble_without_isolation(build / name, generated["row"], parts)
    folders = {name: build / name for name in OVERLAYS} | generated
    settings = {name: module for name, (module, _) in OVERLAYS.items()}
    contestants = [
        Contestant(
            name,
            folder,
            settings.get(name, "config.settings.production"),
            _make_database(f"app_{name.replace('-', '_')}"),
        )
        for name, folder in folders.items()
    ]
    for contestant in contestants:
        if contestant.name in OVERLAYS:
            labels = [path.parent.name for path in contestant.folder.glob("apps/*/models.py")]
            contestant.run("manage.py", "makemigrations", *{*labels} - {"isolation"})
        contestant.migrate()
    return contestants


def _assemble_without_isolation(folder: Path, source: Path, parts: list[str]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for name in OF_THE_PRODUCT:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, folder / name)
    # An overlay may replace a class of the product.
    serializers = folder / "apps/isolation/integrations/rest_framework.py"
    shutil.copyfile(serializers, serializers.with_name("product_serializers.py"))
    for part in parts:
        shutil.copytree(HERE / part, folder, dirs_exist_ok=True)


def _make_database(name: str) -> str:
    """Create a database as the owner; return its address with the owner."""
    url = os.environ["DATABASE_OWNER_URL"]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
    return f"{url.rpartition('/')[0]}/{name}"
