"""Serves a project in a separate process, for sessions that send requests."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GUNICORN = ("-m", "gunicorn", "config.wsgi", "--bind", "127.0.0.1:{port}")
STOP_SECONDS = 60


@contextmanager
def server(*command: str, log: Path, start_seconds: float = 60, **variables: str) -> Iterator[int]:
    """Run a Python command that serves at ``{port}``; yield the port once it is ready.

    Its output goes to the log. Exits if the server is not ready within ``start_seconds``.
    """
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port = probe.getsockname()[1]
    words = [word.replace("{port}", str(port)) for word in command]
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(
            [sys.executable, *words],
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, **variables},
        )
        try:
            if not _is_ready(port, process, time.monotonic() + start_seconds):
                sys.exit(f"The server did not start; {log.resolve()} says why.")
            yield port
        finally:
            process.terminate()
            process.wait(timeout=STOP_SECONDS)


def _is_ready(port: int, process: subprocess.Popen[bytes], deadline: float) -> bool:
    url, headers = f"http://127.0.0.1:{port}/healthz/ready", {"Host": "localhost"}
    request = urllib.request.Request(url, headers=headers)
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError):
            urllib.request.urlopen(request, timeout=10).close()  # noqa: S310
            return True
        time.sleep(0.2)
    return False
