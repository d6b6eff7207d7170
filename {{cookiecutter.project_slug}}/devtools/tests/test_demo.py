"""``manage.py demo``."""

import json
import re
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from apps.isolation import tenant_context
from apps.isolation.app_registry import SHARED_DB
from apps.memberships.models import Membership
from apps.tenants.models import Tenant
from devtools.demo import SmokeTestFailed, of_product, smoke_test
from tests.sample.models import Shelf
from tests.support import start

PASSWORD = "let me try it"
# Development settings, with the sample app of the test database.
SETTINGS = """
from config.settings.local import *
TENANT_APPS = [*TENANT_APPS, "tests.sample"]
INSTALLED_APPS = [*INSTALLED_APPS, "tests.sample"]
"""


@contextmanager
def _listener() -> Iterator[int]:
    """Use a port within the block."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_used_port_is_reported_first(settings: Any) -> None:
    settings.DEBUG = True
    with _listener() as port, pytest.raises(CommandError) as refusal:
        call_command("demo", port=port)
    assert str(refusal.value) == (
        f"Port {port} is in use or not allowed; choose another with --port."
    )


@pytest.mark.parametrize("port", [-1, 65_536, 99_999])
def test_invalid_port_is_reported(port: int, settings: Any) -> None:
    settings.DEBUG = True
    with pytest.raises(CommandError, match=f"^Port {port} is in use or not allowed; "):
        call_command("demo", port=port)


def test_demo_needs_development_settings(settings: Any) -> None:
    with pytest.raises(CommandError, match="needs development settings"):
        call_command("demo")
    assert not settings.DEBUG


def _ask(port: int, host: str, path: str, token: str = "", body: Any = None) -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}",
        data=json.dumps(body).encode() if body else None,
        headers={"Host": host, "Content-Type": "application/json"},
    )
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
        return json.load(response)


@pytest.mark.usefixtures("provisioning")
def test_demo_serves_until_it_is_stopped(tmp_path: Path) -> None:
    (tmp_path / "demo_settings.py").write_text(SETTINGS)
    variables = {"DJANGO_SETTINGS_MODULE": "demo_settings", "PYTHONPATH": str(tmp_path)}
    with _listener() as port:
        pass
    command = ("manage.py", "demo", "--port", str(port))
    with start(*command, PYTHONUNBUFFERED="1", **variables) as process:
        try:
            assert process.stdout
            assert process.stderr
            advice = "".join(takewhile(lambda line: line != "Stop with Ctrl-C.\n", process.stdout))
            while "Quit the server" not in process.stdout.readline():
                assert process.poll() is None, process.stderr.read()
            host = f"acme.localhost:{port}"
            assert f"http://{host}/api/v1/" in advice
            paths = [path for product in of_product() for path in product.TRY]
            assert advice.count("curl -s ") == 1 + 2 * len(paths)
            assert all(f"curl -s http://{host}{path} -H" in advice for path in paths)
            (password,) = re.findall(r"^Password: (.*)$", advice, re.MULTILINE)
            login = {"email": "member@acme.test", "password": password}
            token = _ask(port, host, "/api/v1/auth/token/", body=login)["access"]
            shelves = _ask(port, host, "/api/v1/sample/shelves/", token)["results"]
            assert [shelf["name"] for shelf in shelves] == ["Acme shelf"]
        finally:
            process.terminate()  # SIGTERM, since SIGINT may be ignored, as behind nohup
            process.communicate(timeout=30)


@pytest.fixture
def port(live_server: Any, provisioning: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the port of a server with the demo's data."""
    monkeypatch.setenv("DEMO_PASSWORD", PASSWORD)
    call_command("seed_demo", stdout=StringIO())
    connections[SHARED_DB].close()
    return live_server.thread.port


def test_smoke_test_passes(port: int) -> None:
    passed = list(smoke_test("127.0.0.1", port, PASSWORD))
    assert passed[:3] == [
        "the server is ready",
        "acme's token at globex is refused",
        "a request without a token is refused",
    ]
    assert passed[-3:] == [
        "acme has its shelf",
        "globex has its shelf",
        "a viewer's write is refused",
    ]


def _lose_shelves() -> None:
    with tenant_context(Tenant.objects.get(slug="globex")):
        Shelf.objects.all().delete()


def _promote_viewers() -> None:
    Membership.platform.update(role="member")


@pytest.mark.parametrize(
    ("harm", "complaint"),
    [
        (_lose_shelves, "globex has its shelf"),
        (_promote_viewers, "a viewer's write is refused"),
    ],
)
def test_smoke_test_finds_errors(harm: Any, complaint: str, port: int) -> None:
    harm()
    connections[SHARED_DB].close()
    with pytest.raises(SmokeTestFailed, match=f"Expected: {complaint}"):
        list(smoke_test("127.0.0.1", port, PASSWORD))


def test_smoke_test_finds_a_wrong_password(port: int) -> None:
    with pytest.raises(SmokeTestFailed, match=r"log-in of member@acme\.test"):
        list(smoke_test("127.0.0.1", port, "another"))
