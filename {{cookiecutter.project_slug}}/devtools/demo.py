"""The demo: its addresses, things to try, and a smoke test over HTTP."""

import asyncio
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from importlib import import_module
from threading import Thread
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.utils.module_loading import module_has_submodule

from apps.tasks.worker import Worker

HOST = "127.0.0.1"
PORTS = range(8000, 8100)
START_SECONDS = 60
# Shown instead of a password that a user has chosen.
UNCHANGED = "unchanged; set DEMO_PASSWORD to choose another"


def of_product() -> list[Any]:
    """Return the modules ``demo`` of tenant apps.

    ``fill(name)`` creates sample data in the active tenant, ``smoke_test(members, viewer)`` tests a
    running demo, and ``TRY`` lists paths of the API to try.
    """
    configs = [AppConfig.create(entry) for entry in settings.TENANT_APPS]
    return [
        import_module(f"{config.name}.demo")
        for config in configs
        if module_has_submodule(config.module, "demo")
    ]


def free_port(wanted: int | None) -> int:
    """Return the wanted port, or the first free one; raise OSError if it is unavailable."""
    for port in [wanted] if wanted else PORTS:
        with socket.socket() as probe:
            # As the server does, so that a recently used port counts as free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except (OSError, OverflowError):  # OverflowError for an invalid port
                continue
            return port
    taken = f"Port {wanted} is" if wanted else f"Ports {PORTS[0]} to {PORTS[-1]} are"
    message = f"{taken} in use or not allowed; choose another with --port."
    raise OSError(message)


class SmokeTestFailed(Exception):
    """The server gave an unexpected response. The message names the request."""


@dataclass(frozen=True)
class Client:
    """A client of one host of the server."""

    address: str
    host: str
    token: str = ""

    def ask(self, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
        """Send a GET, or a POST with a body; return status and JSON."""
        request = urllib.request.Request(
            f"http://{self.address}{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Host": self.host, "Content-Type": "application/json"},
        )
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        try:
            with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def logged_in(self, email: str, password: str) -> "Client":
        """Return a client with a user's token."""
        status, body = self.ask("/api/v1/auth/token/", {"email": email, "password": password})
        _expect(status == HTTPStatus.OK, f"log-in of {email} at {self.host}", body)
        return Client(self.address, self.host, body["access"])


def check(port: int, password: str) -> Iterator[str]:
    """Serve the demo while `smoke_test` runs, and print its lines."""
    command = [sys.executable, sys.argv[0], "runserver", "--noreload", f"{HOST}:{port}"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        yield from smoke_test(HOST, port, password)
    except SmokeTestFailed as failure:
        server.terminate()
        log = server.communicate()[1].decode(errors="replace")
        message = f"{failure}\nThe server said:\n{log[-4000:]}"
        raise SmokeTestFailed(message) from failure
    finally:
        server.terminate()
        server.communicate()


def start_worker() -> None:
    """Run background tasks in a thread until the process ends."""
    worker = Worker(concurrency=2)
    Thread(target=lambda: asyncio.run(worker.run(grace=0)), daemon=True).start()


def smoke_test(ip: str, port: int, password: str) -> Iterator[str]:
    """Yield a line for each successful step; raise `SmokeTestFailed` for the first failed one."""
    address = f"{ip}:{port}"
    anonymous = {slug: Client(address, f"{slug}.localhost:{port}") for slug in ("acme", "globex")}
    _wait_until_ready(anonymous["acme"])
    yield "the server is ready"
    members = {
        slug: client.logged_in(f"member@{slug}.test", password)
        for slug, client in anonymous.items()
    }
    intruder = Client(address, anonymous["globex"].host, members["acme"].token)
    refusals = {
        "acme's token at globex is refused": (intruder, "token_tenant_mismatch"),
        "a request without a token is refused": (anonymous["acme"], "not_authenticated"),
    }
    for line, (client, code) in refusals.items():
        answer = client.ask("/api/v1/me/")
        refused = answer[0] == HTTPStatus.UNAUTHORIZED and answer[1]["code"] == code
        _expect(refused, line, answer)
        yield line
    viewer = anonymous["acme"].logged_in("viewer@acme.test", password)
    for product in of_product():
        asked = product.smoke_test({slug: each.ask for slug, each in members.items()}, viewer.ask)
        for line, holds, answer in asked:
            _expect(holds, line, answer)
            yield line


def _wait_until_ready(client: Client) -> None:
    deadline = time.monotonic() + START_SECONDS
    answer: object = "no answer"
    while time.monotonic() < deadline:
        try:
            answer = client.ask("/healthz/ready")
        except OSError:
            time.sleep(0.1)
            continue
        if answer == (200, {"status": "ok"}):
            return
        break
    _expect(False, "the server is ready", answer)


def _expect(holds: bool, what: str, answer: object) -> None:
    if not holds:
        message = f"Expected: {what}. Got: {str(answer)[:500]}"
        raise SmokeTestFailed(message)


def advice(port: int, password: str | None) -> str:
    """Return addresses and things to try, and the password if it is known."""
    hosts = [f"http://{slug}.localhost:{port}" for slug in ("acme", "globex")]
    paths = [path for product in of_product() for path in product.TRY]
    ask = [
        f'  curl -s {host}{path} -H "Authorization: Bearer $access"'
        for path in paths or ["/api/v1/me/"]
        for host in hosts
    ]
    return ADVICE.format(
        acme=hosts[0],
        globex=hosts[1],
        shared=f"http://localhost:{port}",
        password=password or UNCHANGED,
        word=password or "the password",
        ask="\n".join(ask),
    )


ADVICE = """
Two tenants are served, each at its own address:

  {acme}/     owner@acme.test, admin@…, member@…, viewer@…
  {globex}/   the same four @globex.test; both@example.test is in both
  {shared}/          sign up with a new tenant; mails appear in this terminal
  {shared}/api/docs/ the API's documentation

Password: {password}

Log in with a browser or in the API, then send acme's token to acme and globex:

  curl -s {acme}/api/v1/auth/token/ \\
    --json '{{"email": "member@acme.test", "password": "{word}"}}'
{ask}

Stop with Ctrl-C.
"""
