"""Build and run a project's containers without an engine: `nox -s container`.

Each instruction of the Dockerfile runs in order in an empty folder in place of the image's file
system; paths in the image become paths in the folder. Compose's own script creates the roles in
PostgreSQL. Then the production command serves with the environment of compose.production.yaml,
behind Caddy with the project's Caddyfile.

Run it in a project's folder under pg_virtualenv, which sets PG* variables for its server.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HOST = "127.0.0.1"
PATIENCE = 60  # seconds
# This machine's uv stands for the image of uv.
UV = "ghcr.io/astral-sh/uv:"
IN_IMAGE = re.compile(r"(?<![\w.])/(?:app|opt/venv|usr/local/bin)\b")
# The variables that an operator sets in .env before the first start.
ANSWERS = {
    "ACME_EMAIL": "ops@example.com",
    "EMAIL_URL": "smtp://localhost",
    "METRICS_TOKEN": "of-this-test-only",
    "SHARED_HOSTS": "example.com",
    "TENANT_BASE_DOMAIN": "example.com",
}
# Processes of the image must not inherit this process's environment.
FOREIGN = ("DATABASE_", "DJANGO_", "NOX_", "PG", "PYTHON", "VIRTUAL_ENV")


def expect(holds: object, what: str) -> None:
    if not holds:
        sys.exit(f"FAILED  {what}")
    print(f"ok  {what}", flush=True)


class Image:
    """A folder in place of a file system, and the Dockerfile's settings of its process."""

    def __init__(self, root: Path, base: Image | None) -> None:
        self.root = root
        self.folder = base.folder if base else "/"
        self.environment = dict(base.environment) if base else {"PATH": "$PATH"}
        self.command: list[str] = []
        self.health: list[str] = []
        self.user = 0
        if base:
            copy_tree(base.root, root, base)

    def place(self, path: str) -> Path:
        """Return the local path of a path in the image."""
        return self.root / Path("/", self.folder, path).relative_to("/")

    def outside(self, text: str) -> str:
        return IN_IMAGE.sub(lambda path: f"{self.root}{path[0]}", text)

    def variables(self, **more: str) -> dict[str, str]:
        """Return the environment of a process in the image."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        given = {name: self.outside(value) for name, value in self.environment.items()}
        given["PATH"] = given["PATH"].replace(
            "$PATH", f"{self.place('/usr/local/bin')}:{own['PATH']}"
        )
        python = Path(sys.base_prefix, "bin", "python3")
        return {**own, "UV_PYTHON": str(python), **given, **more}


def copy_tree(source: Path, target: Path, image: Image) -> None:
    """Copy a part of an image, and change the interpreter in its programs to the copy's."""
    shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True, copy_function=os.link)
    root = target if source == image.root else target.parents[1]
    for program in target.rglob("bin/*"):
        if program.is_file() and not program.is_symlink():
            text, mode = program.read_bytes(), program.stat().st_mode
            program.unlink()  # the other copy has the same one
            program.write_bytes(text.replace(bytes(image.root), bytes(root)))
            program.chmod(mode)


class Builder:
    """Executes a Dockerfile, with a method for each instruction."""

    def __init__(self, context: Path, work: Path) -> None:
        self.context = context
        self.work = work
        self.stages: dict[str, Image] = {}
        self.image = Image(work / "scratch", None)
        ignored = (context / ".dockerignore").read_text(encoding="utf-8").split("\n")
        self.sent = {line[1:] for line in ignored if line.startswith("!")}
        self.left_out = [line.removeprefix("**/") for line in ignored if line.startswith("**/")]

    def build(self, until: str = "") -> Image:
        text = (self.context / "Dockerfile").read_text(encoding="utf-8")
        text = re.sub(r"\\\n\s*", "", re.sub(r"(?m)^\s*#.*\n", "", text))
        for line in filter(None, text.splitlines()):
            print(f"+ {line}", flush=True)
            instruction, _, rest = line.partition(" ")
            getattr(self, f"do_{instruction.lower()}")(rest)
            if until and line.startswith("RUN") and self.image is self.stages.get(until):
                break
        return self.image

    def do_from(self, rest: str) -> None:
        base, _, name = rest.split()
        self.image = Image(self.work / name, self.stages.get(base))
        self.stages[name] = self.image

    def do_env(self, rest: str) -> None:
        for word in shlex.split(rest):
            name, _, value = word.partition("=")
            old = self.image.environment.get("PATH", "")
            self.image.environment[name] = value.replace("$PATH", old)

    def do_workdir(self, folder: str) -> None:
        self.image.folder = folder
        self.image.place("").mkdir(parents=True, exist_ok=True)

    def do_copy(self, rest: str) -> None:
        *sources, target = rest.split()
        if sources[0].startswith(f"--from={UV}"):
            place = self.image.place(target)
            place.mkdir(parents=True, exist_ok=True)
            (place / "uv").symlink_to(shutil.which("uv") or sys.exit("uv is missing"))
        elif sources[0].startswith("--from="):
            stage = self.stages[sources[0].removeprefix("--from=")]
            copy_tree(stage.place(sources[1]), self.image.place(target), stage)
        else:
            for pattern in sources:
                self.copy_from_context(pattern, self.image.place(target))

    def copy_from_context(self, pattern: str, target: Path) -> None:
        for name in self.sent:
            for path in self.context.glob(name):
                if pattern == "." and path.is_dir():
                    leave_out = shutil.ignore_patterns(*self.left_out)
                    shutil.copytree(path, target / name, ignore=leave_out)
                elif pattern == "." or path.match(pattern):
                    (target / name).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(path, target / name)

    def do_run(self, rest: str) -> None:
        command = self.image.outside(re.sub(r"--mount=\S+ ", "", rest))
        if os.geteuid():  # only root can change the owner of files
            command = re.sub(r"--owner \S+ ", "", command)
        run(self.image, ["sh", "-ec", command])

    def do_user(self, rest: str) -> None:
        self.image.user = int(rest)

    def do_expose(self, rest: str) -> None:
        pass

    def do_healthcheck(self, rest: str) -> None:
        self.image.health = json.loads(rest.partition("CMD ")[2])

    def do_cmd(self, rest: str) -> None:
        self.image.command = json.loads(rest)


def start(image: Image, command: list[str], **variables: str) -> subprocess.Popen[str]:
    environment = image.variables(**variables)
    program = shutil.which(command[0], path=environment["PATH"]) or command[0]
    return subprocess.Popen(
        [program, *command[1:]],
        cwd=image.place(""),
        env=environment,
        user=image.user if image.user and may_be(image.user) else None,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def may_be(user: int) -> bool:
    """Return whether this process may become the image's user, who can access Python."""
    if os.geteuid():
        return False
    try:
        return subprocess.run([sys.executable, "-c", ""], user=user, check=False).returncode == 0
    except PermissionError:
        return False


def run(image: Image, command: list[str], **variables: str) -> str:
    """Run a command in the image, and exit if it fails."""
    process = start(image, command, **variables)
    output, _ = process.communicate(timeout=600)
    if process.returncode:
        sys.exit(f"FAILED  {shlex.join(command)}\n{output}")
    return output


@contextmanager
def server(image: Image, command: list[str], **variables: str) -> Iterator[subprocess.Popen[str]]:
    """Run a server within the block; print its output unless it stops cleanly."""
    process = start(image, command, **variables)
    try:
        yield process
    except BaseException:
        process.terminate()
        print(process.communicate(timeout=PATIENCE)[0][-4000:])
        raise
    process.terminate()
    process.communicate(timeout=PATIENCE)
    expect(process.returncode == 0, f"{Path(command[0]).name} stops cleanly")


class Compose:
    """The services of compose.production.yaml, with its variables and this machine's addresses."""

    def __init__(self, project: Path, env: Path, places: dict[str, str]) -> None:
        secrets = re.findall(r"(?m)^(\w+)=(.*)$", env.read_text(encoding="utf-8"))
        self.values = dict(secrets) | ANSWERS
        self.places = places
        text, found = (project / "compose.production.yaml").read_text(encoding="utf-8"), 1
        while found:  # a default may contain another variable
            text, found = re.subn(r"\${(\w+)(?::([?-])([^{}]*))?}", self.value, text)
        self.services = yaml.safe_load(text)["services"]

    def value(self, variable: re.Match[str]) -> str:
        name, kind, default = variable.groups()
        if kind == "?" and name not in self.values:
            sys.exit(
                f"FAILED  compose.production.yaml needs {name}, which this script does not set"
            )
        return self.values.get(name, default or "")

    def environment(self, service: str) -> dict[str, str]:
        """Return a service's environment, with local addresses of other services."""
        description = self.services[service]
        given = self.values if "env_file" in description else {}
        given = {**given, **description.get("environment", {})}
        return {name: self.real(str(value)) for name, value in given.items()}

    def real(self, value: str) -> str:
        for name, place in self.places.items():
            value = value.replace(name, place)
        return value

    def command(self, service: str) -> list[str]:
        return shlex.split(self.services[service]["command"])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def ask(port: int, path: str, host: str = "", tls: ssl.SSLContext | None = None) -> tuple[int, Any]:
    """GET a path; return status and headers. Over TLS, the certificate is verified."""
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    if tls:
        connection.connect()
        connection.sock = tls.wrap_socket(connection.sock, server_hostname=host)
    headers = {"Host": host or f"{HOST}:{port}"}
    if not tls:
        headers["X-Forwarded-Proto"] = "https"
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, answer.headers


def wait(answers: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    come = False
    while not come and time.monotonic() < deadline:
        time.sleep(0.1)
        with suppress(OSError):
            come = answers()
    expect(come, what)


def fails(error: type[BaseException], work: Callable[[], object]) -> str:
    """Return the message of the error that ``work`` raises, or an empty text."""
    try:
        work()
    except error as caught:
        return str(caught)
    return ""


def check_lock(project: Path, image: Image, work: Path) -> None:
    """Check that the build uses a current lock file, and fails with an outdated one."""
    context = work / "context"
    shutil.copytree(project, context, ignore=shutil.ignore_patterns(".*postgres*", ".venv"))
    shutil.copy(image.place("uv.lock"), context)
    locked = Builder(context, work / "locked").build(until="libraries")
    expect(
        locked.place("uv.lock").read_bytes() == (context / "uv.lock").read_bytes(),
        "the build uses the lock file",
    )
    settings = (context / "pyproject.toml").read_text(encoding="utf-8")
    settings = settings.replace("dependencies = [", 'dependencies = [\n    "packaging",', 1)
    (context / "pyproject.toml").write_text(settings, encoding="utf-8")
    stale = Builder(context, work / "stale")
    expect(
        "lockfile" in fails(SystemExit, partial(stale.build, until="libraries")),
        "an outdated lock file fails the build",
    )


def check_image(image: Image) -> None:
    left = {path.name for path in image.place("").iterdir()}
    expect(".env" not in left, "no secret is left in the image")
    expect(not [*image.place("apps").rglob("tests")], "no test is in the image")
    installed = {path.name for path in image.place("/opt/venv/bin").iterdir()}
    expect(
        "gunicorn" in installed and "pytest" not in installed, "no development tool is in the image"
    )
    expect(image.user, "the image's user is not root")


def check_server(image: Image, port: int) -> None:
    """Send the requests of the proxy, of the health check and of the proxy's clients."""
    here = f"http://{HOST}:{port}"
    health = [part.replace("http://127.0.0.1:8000", here) for part in image.health]
    run(image, health)
    print("ok  the image's health check passes")
    manifest = json.loads(image.place("staticfiles/staticfiles.json").read_text(encoding="utf-8"))
    style = manifest["paths"]["admin/css/base.css"]
    for path, host, status in (
        ("/healthz/live", "", 200),
        ("/api/v1/tasks/", "acme.example.com", 401),
        ("/api/v1/tasks/", "nobody.example.com", 404),
        (f"/static/{style}", "example.com", 200),
        ("/tls/allowed?domain=acme.example.com", "", 200),
        ("/tls/allowed?domain=example.com", "", 200),
        ("/tls/allowed?domain=nobody.example.com", "", 404),
    ):
        expect(ask(port, path, host)[0] == status, f"GET {path} at {host or HOST} is {status}")
    with ExitStack() as stack:
        for _ in range(20):
            idle = stack.enter_context(socket.create_connection((HOST, port)))
            idle.sendall(b"GET /healthz/live HTTP/1.1\r\nHost: any\r\n\r\n")
            idle.recv(1)
        expect(
            ask(port, "/healthz/live")[0] == 200, "twenty idle connections block no other request"
        )


def check_metrics(port: int, master: int) -> None:
    """Check that metrics sum up all processes, and survive the replacement of one."""
    answers = ask(port, "/metrics", "acme.example.com")[0], ask(port, "/metrics")[0]
    expect(answers == (404, 401), "/metrics is on the shared host only, and requires the token")
    before = scrape(port)
    for _ in range(20):
        ask(port, "/api/v1/tasks/", "acme.example.com")
    expect(scrape(port) - before == 20, "/metrics sums up the counts of all processes")
    workers = children(master)
    os.kill(workers[0], signal.SIGTERM)
    wait(
        lambda: len(children(master)) == len(workers) and workers[0] not in children(master),
        "an ended process is replaced",
    )
    wait(lambda: scrape(port) == before + 20, "/metrics keeps the counts of ended processes")


def scrape(port: int) -> float:
    """Return the number of refused requests for tasks, from the metrics."""
    bearer = {"Authorization": f"Bearer {ANSWERS['METRICS_TOKEN']}"}
    request = urllib.request.Request(f"http://{HOST}:{port}/metrics", headers=bearer)
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        text = answer.read().decode()
    (value,) = re.findall(
        r'^http_requests_total{method="GET",route="/api/v1/tasks/",status="401"} (.+)',
        text,
        re.MULTILINE,
    )
    return float(value)


def children(process: int) -> list[int]:
    text = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii")
    return [int(child) for child in text.split()]


def check_proxy(project: Path, work: Path, app: int) -> None:
    """Serve by the project's Caddyfile with a local certificate authority; send TLS requests."""
    plain, secure = free_port(), free_port()
    text = (project / "compose" / "Caddyfile").read_text(encoding="utf-8")
    ports = f"\thttp_port {plain}\n\thttps_port {secure}\n"
    here = f"{{\n\tadmin off\n\tlocal_certs\n\tskip_install_trust\n{ports}"
    text = text.replace("{\n", here, 1).replace("app:8000", f"{HOST}:{app}")
    (work / "Caddyfile").write_text(text, encoding="utf-8")
    caddy = Image(work / "caddy", None)
    caddy.place("").mkdir()
    command = ["caddy", "run", "--config", str(work / "Caddyfile"), "--adapter", "caddyfile"]
    data = {"XDG_DATA_HOME": str(work / "data"), "HOME": str(work)}
    with server(caddy, command, **data, **ANSWERS):
        root = work / "data" / "caddy" / "pki" / "authorities" / "local" / "root.crt"
        wait(lambda: root.exists() and ask(plain, "/")[0] == 308, "Caddy runs the Caddyfile")
        trust = ssl.create_default_context(cafile=str(root))
        status, headers = ask(plain, "/", "acme.example.com")
        expect(
            status == 308 and headers["Location"].startswith("https://acme."),
            "requests without TLS are redirected to it",
        )
        for path, host, expected in (
            ("/api/v1/tasks/", "acme.example.com", 401),
            ("/api/v1/tasks/", "shop.acme-customer.test", 401),
            ("/healthz/ready", "example.com", 200),
            ("/tls/allowed?domain=acme.example.com", "example.com", 404),
            ("/metrics", "example.com", 404),
        ):
            found = ask(secure, path, host, trust)[0]
            expect(found == expected, f"by TLS, GET {path} at {host} is {expected}")
        for host in ("nobody.example.com", "nobody.test"):
            refused = fails(ssl.SSLError, partial(ask, secure, "/", host, trust))
            expect(refused, f"{host} gets no certificate")


def main() -> None:
    """Build, migrate, serve, and send requests."""
    project = Path.cwd()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        work = Path(folder)
        work.chmod(0o755)
        image = Builder(project, work / "stages").build()
        check_image(image)
        check_lock(project, image, work)

        app, cache = free_port(), free_port()
        places = {"@db/": f"@{HOST}:{os.environ['PGPORT']}/", "redis://cache": ""}
        places["redis://counters"] = ""
        if shutil.which("redis-server"):
            places["redis://cache"] = f"redis://{HOST}:{cache}"
            machine = Image(work / "cache", None)
            machine.place("").mkdir()
            stack.enter_context(server(machine, ["redis-server", "--port", str(cache)]))
        shutil.copytree(project / "scripts", work / "server" / "scripts")
        shutil.copy(project / ".env.example", work / "server")
        subprocess.run([work / "server" / "scripts" / "bootstrap-env.sh"], check=True)
        compose = Compose(project, work / "server" / ".env", places)
        subprocess.run(
            ["sh", project / "compose" / "create-roles.sh"],
            env={**os.environ, **compose.environment("db"), "POSTGRES_USER": os.environ["PGUSER"]},
            check=True,
        )
        serves = {**compose.environment("app"), "GUNICORN_CMD_ARGS": f"--bind={HOST}:{app}"}
        # Caddy uses the service's name, which is a local address here.
        serves["SHARED_HOSTS"] = serves["SHARED_HOSTS"].replace("app", HOST)
        owner = compose.environment("migrate")
        process = stack.enter_context(server(image, image.command, **serves))
        wait(lambda: ask(app, "/healthz/live")[0] == 200, "the production command serves")
        expect(ask(app, "/healthz/ready")[0] == 503, "the server is not ready before the migration")
        run(image, compose.command("migrate"), **owner)
        expect(ask(app, "/healthz/ready")[0] == 200, "the server is ready after the migration")
        for slug, domain in (("acme", ""), ("customer", "shop.acme-customer.test")):
            words = ["python", "manage.py", "create_tenant", slug, "--name", slug.title()]
            run(image, [*words, "--domain", domain] if domain else words, **owner)
        check_server(image, app)
        check_metrics(app, process.pid)
        check_proxy(project, work, app)


if __name__ == "__main__":
    main()
