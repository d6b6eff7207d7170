"""Floods a running project as one tenant, and measures the effect on another tenant.

Run inside a generated project: ``python noisy.py [KIND…]``. gunicorn serves the project with its
production settings. For each kind of request, one tenant sends as many as possible, over many
connections and from many addresses, while members of another tenant request lists at a steady rate.

The result is the 95th percentile of the other tenant's response times: alone, while the flood is
within its rates, and while it is refused. `FACTORS` are the goals. A single figure may miss its
goal by chance; the run fails at twice a goal, or if the other tenant gets an error.

The flood's clients share the processors with gunicorn and PostgreSQL, and get only what those
leave. The numbers of processors, connections and responses are printed, since the figures depend on
them. Other work on the machine makes the figures useless.
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING, Any

from serving import GUNICORN, server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# The maximum factor of the other tenant's response times: while the flood is within its rates, and
# while it is refused. Refused requests are cheap, except that log-ins hash passwords first, and
# uploads transfer bytes.
FACTORS = {"search": (5, 2), "export": (5, 2), "errors": (5, 2), "upload": (5, 5), "log-in": (5, 5)}
FAULT = 2  # times a goal
PROCESSES, CONNECTIONS = 2, 12  # of the flood, and of each of its processes
ALONE_SECONDS, WARM_UP_SECONDS, PHASE_SECONDS = 10, 2, 10
FLOOD_SECONDS = WARM_UP_SECONDS + 2 * PHASE_SECONDS
RATE = 15  # requests per second of the other tenant
PASSWORD = secrets.token_urlsafe()
API = "/api/v1"
DESCRIPTION = "word " * 1999
WORDS = " ".join(f"{number:011}" for number in range(8))
UPLOAD = b"x" * 10_000_000
ROLES = ("viewer", "member", "owner")
ENVIRONMENT = {
    "DJANGO_SETTINGS_MODULE": "config.settings.production",
    "SHARED_HOSTS": "localhost",
    "TENANT_BASE_DOMAIN": "localhost",
    "SECRET_KEY": secrets.token_urlsafe(50),
    "JWT_SIGNING_KEY": secrets.token_urlsafe(50),
    "DATABASE_TENANT_SECRET": secrets.token_urlsafe(50),
}


def main() -> None:
    """Create the tenants, serve, measure; exit 1 if the other tenant was slowed down too much."""
    # A signal to this process also ends the server.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    configure()
    quiet = make_tenant("quiet")
    floods = {kind: make_tenant(f"flood-{kind}") for kind in sys.argv[1:] or FACTORS}
    print(
        f"{len(os.sched_getaffinity(0))} processors for gunicorn's processes, PostgreSQL, and the "
        f"flood: {PROCESSES} x {CONNECTIONS} connections. The other tenant: {RATE} requests/s."
    )
    with server(*GUNICORN, log=Path("noisy.log")) as port:
        address = f"127.0.0.1:{port}"
        tokens = {slug: tokens_of(address, slug) for slug in (quiet, *floods.values())}
        asker = Asker(address, quiet, tokens[quiet])
        asker.ask(WARM_UP_SECONDS)
        failed = [kind for kind, slug in floods.items() if not measure(asker, kind, slug, tokens)]
    if failed:
        sys.exit(f"The other tenant was slowed down too much by: {', '.join(failed)}.")


def configure() -> None:
    """Load the project with its production settings, on a migrated database."""
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 - as python -m would
    from devtools.embedded_postgres import configure_environment

    configure_environment()
    os.environ.update(ENVIRONMENT)
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)


def make_tenant(name: str) -> str:
    """Create a tenant with members, projects with long texts, and a task; return its slug."""
    from apps.isolation import tenant_context
    from apps.memberships.roles import Role
    from apps.memberships.services import add_member
    from apps.projects.models import Project, Task
    from apps.tenants.services import create_tenant
    from django.contrib.auth import get_user_model

    slug = f"{name}-{secrets.token_hex(4)}"
    tenant = create_tenant(slug=slug, name=slug)
    for role in ROLES:
        email = f"{role}@{slug}.test"
        user = get_user_model()._default_manager.create_user(email, PASSWORD)
        add_member(tenant, user, Role(role))
    with tenant_context(tenant):
        for number in range(50):
            project = Project.objects.create(name=str(number), description=DESCRIPTION)
            Task.objects.create(project=project, title="task")
    return slug


def headers_of(slug: str, source: str, token: str = "") -> dict[str, str]:
    """Return the headers that a proxy adds to a request from an address."""
    headers = {"Host": f"{slug}.localhost", "X-Forwarded-Proto": "https", "X-Forwarded-For": source}
    return headers | ({"Authorization": f"Bearer {token}"} if token else {})


def tokens_of(address: str, slug: str) -> dict[str, str]:
    """Log in the members of a tenant; return their access tokens by role."""
    connection, tokens = http.client.HTTPConnection(address, timeout=60), {}
    for number, role in enumerate(ROLES):
        body = json.dumps({"email": f"{role}@{slug}.test", "password": PASSWORD})
        headers = headers_of(slug, f"198.18.{number}.1") | {"Content-Type": "application/json"}
        connection.request("POST", f"{API}/auth/token/", body, headers)
        response = connection.getresponse()
        answer = json.load(response)
        if response.status != http.HTTPStatus.OK:
            sys.exit(f"No log-in as {role} of {slug}: {answer}")
        tokens[role] = answer["access"]
    return tokens


class Asker:
    """The other tenant, whose members request a list or a page at a steady rate."""

    def __init__(self, address: str, slug: str, tokens: dict[str, str]) -> None:
        self.address = address
        self.statuses: Counter[int] = Counter()
        self._members = [
            (http.client.HTTPConnection(address, timeout=120), headers_of(slug, "198.18.9.9", each))
            for each in tokens.values()
        ]

    def ask(self, seconds: float) -> list[float]:
        """Send requests for some seconds; return the response times in seconds."""
        with ThreadPoolExecutor(len(self._members)) as pool:
            asked = [pool.submit(self._ask, seconds, *member) for member in self._members]
        return [took for each in asked for took in each.result()]

    def _ask(
        self, seconds: float, connection: http.client.HTTPConnection, headers: dict[str, str]
    ) -> list[float]:
        """Send requests as one member; after a late response, send the next one at once."""
        paths = itertools.cycle([f"{API}/projects/?page_size=20", f"{API}/tasks/", f"{API}/me/"])
        times: list[float] = []
        due = time.perf_counter()
        end = due + seconds
        while due < end:
            time.sleep(max(0.0, due - time.perf_counter()))
            begun = time.perf_counter()
            self.statuses[send(connection, "GET", next(paths), b"", headers)] += 1
            times.append(time.perf_counter() - begun)
            due = max(due + len(self._members) / RATE, time.perf_counter())
        return times


def send(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: bytes,
    headers: dict[str, str],
) -> int:
    """Send a request and read the response; return its status.

    The status is 0 if the connection broke, as after a long body that is refused.
    """
    try:
        connection.request(method, path, body or None, headers)
        with closing(connection.getresponse()) as response:
            response.read()
            return response.status
    except (OSError, http.client.HTTPException):
        connection.close()
        return 0


def measure(asker: Asker, kind: str, slug: str, tokens: dict[str, dict[str, str]]) -> bool:
    """Measure without and with a flood of one kind; print both, return whether goals are met."""
    alone = p95(asker.ask(ALONE_SECONDS))
    asker.statuses.clear()
    with flood(asker.address, kind, slug, tokens[slug]) as counts:
        time.sleep(WARM_UP_SECONDS / 2)
        phases = [p95(asker.ask(PHASE_SECONDS)) for _ in FACTORS[kind]]
    statuses = dict(asker.statuses)
    errors = sum(count for status, count in statuses.items() if status != http.HTTPStatus.OK)
    rates = {status: round(count / FLOOD_SECONDS) for status, count in sorted(counts.items())}
    ratios = [each / alone / factor for each, factor in zip(phases, FACTORS[kind], strict=True)]
    verdict = "FAILED" if errors or max(ratios) > FAULT else "missed" if max(ratios) > 1 else "ok"
    measured = ", then ".join(f"{1000 * each:.1f} ms ({each / alone:.1f})" for each in phases)
    goals = " and ".join(map(str, FACTORS[kind]))
    print(
        f"{verdict:7}{kind:7} p95 alone {1000 * alone:.1f} ms, under flood "
        f"{measured} of {goals}; errors {errors} {statuses if errors else ''}; flood, answers/s by "
        f"status: {rates}",
        flush=True,
    )
    return verdict != "FAILED"


def p95(times: list[float]) -> float:
    """Return the 95th percentile."""
    return quantiles(times, n=20)[-1]


@contextmanager
def flood(address: str, kind: str, slug: str, tokens: dict[str, str]) -> Iterator[Counter[str]]:
    """Flood within the block; afterwards the counter has the flood's responses by status."""
    command = [sys.executable, __file__, "flood", address, kind, slug, json.dumps(tokens)]
    processes = [
        subprocess.Popen([*command, str(number)], stdout=subprocess.PIPE)
        for number in range(PROCESSES)
    ]
    counts: Counter[str] = Counter()
    try:
        yield counts
    finally:
        for process in processes:
            output, _ = process.communicate(timeout=180)
            counts.update(json.loads(output or b"{}"))


# The functions below run in the processes of the flood.

Request = tuple[str, str, bytes, dict[str, str]]


def flood_process(address: str, kind: str, slug: str, tokens: str, number: str) -> None:
    """Send requests over many connections for a time; print the responses by status."""
    if hasattr(os, "SCHED_IDLE"):  # Linux only
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    counts: Counter[int] = Counter()
    end = time.monotonic() + FLOOD_SECONDS

    def ask(source: str) -> None:
        connection = http.client.HTTPConnection(address, timeout=60)
        for request in KINDS[kind](slug, json.loads(tokens), source):
            if time.monotonic() > end:
                return
            counts[send(connection, *request)] += 1

    sources = [f"198.19.{number}.{each}" for each in range(CONNECTIONS)]
    threads = [threading.Thread(target=ask, args=[source]) for source in sources]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps(counts))


def searches(slug: str, tokens: dict[str, str], source: str) -> Iterator[Request]:
    """Search for the maximum number of words in long texts."""
    path = f"{API}/projects/?page_size=200&search={WORDS.replace(' ', '+')}"
    yield from itertools.repeat(("GET", path, b"", headers_of(slug, source, tokens["viewer"])))


def exports(slug: str, tokens: dict[str, str], source: str) -> Iterator[Request]:
    """Request exports of the member's own data."""
    for role in itertools.cycle(ROLES):
        headers = headers_of(slug, source, tokens[role]) | {"Content-Type": "application/json"}
        yield "POST", f"{API}/privacy-requests/", b'{"kind": "export"}', headers


def errors(slug: str, tokens: dict[str, str], source: str) -> Iterator[Request]:
    """Send refused requests: no token, invalid token, insufficient role, unknown row."""
    nobody, bad = headers_of(slug, source), headers_of(slug, source, "bad")
    viewer = headers_of(slug, source, tokens["viewer"]) | {"Content-Type": "application/json"}
    nothing = f"{API}/projects/01900000-0000-7000-8000-000000000000/"
    yield from itertools.cycle(
        [
            ("GET", f"{API}/projects/", b"", nobody),
            ("GET", f"{API}/projects/", b"", bad),
            ("POST", f"{API}/projects/", b'{"name": "x"}', viewer),
            ("GET", nothing, b"", viewer),
            ("POST", f"{API}/projects/", b"{", viewer),
            ("GET", f"{API}/nothing/", b"", nobody),
        ]
    )


def uploads(slug: str, tokens: dict[str, str], source: str) -> Iterator[Request]:
    """Send large files to a task."""
    headers = headers_of(slug, source, tokens["member"])
    connection = http.client.HTTPConnection(sys.argv[2], timeout=60)
    task = ""
    while not task:  # the first request may be refused too
        connection.request("GET", f"{API}/tasks/", headers=headers)
        response = connection.getresponse()
        answer = json.load(response)
        task = answer["results"][0]["id"] if response.status == http.HTTPStatus.OK else ""
    frame = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n%b\r\n--x--\r\n'
    )
    headers["Content-Type"] = "multipart/form-data; boundary=x"
    path = f"{API}/tasks/{task}/attachments/"
    yield from itertools.repeat(("POST", path, frame % UPLOAD, headers))


def log_ins(slug: str, _tokens: dict[str, str], source: str) -> Iterator[Request]:
    """Guess passwords of many known and unknown addresses."""
    headers = headers_of(slug, source) | {"Content-Type": "application/json"}
    for number in itertools.count():
        emails = (f"{ROLES[number % 3]}@{slug}.test", f"{number}{source}@nobody.test")
        body = {"email": emails[number % 2], "password": "wrong"}
        yield "POST", f"{API}/auth/token/", json.dumps(body).encode(), headers


KINDS: dict[str, Callable[[str, dict[str, str], str], Iterator[Any]]] = {
    "search": searches,
    "export": exports,
    "errors": errors,
    "upload": uploads,
    "log-in": log_ins,
}

if __name__ == "__main__":
    if sys.argv[1:2] == ["flood"]:
        flood_process(*sys.argv[2:])
    else:
        main()
