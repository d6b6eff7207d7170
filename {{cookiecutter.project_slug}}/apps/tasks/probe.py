"""A worker's own small server, for its liveness probe and its metrics."""

import hmac
import time
from http import HTTPStatus
from threading import Thread
from typing import Final
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from django.conf import settings
from prometheus_client import generate_latest

from apps.observability.metrics import COUNTED

SILENT_SECONDS: Final = 60
"""Seconds without a sign of the worker after which it counts as dead."""


class Beat:
    """The time of the worker's last sign of life."""

    def __init__(self) -> None:
        self.note()

    def note(self) -> None:
        """Record a sign of life."""
        self.last = time.monotonic()

    def is_there(self) -> bool:
        """Return whether the last sign of life is recent."""
        return time.monotonic() - self.last < SILENT_SECONDS


class _SilentHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base
        """Log nothing: probes come every few seconds."""


def serve(port: int, beat: Beat) -> None:
    """Serve on a port in a thread until the process ends."""
    server = make_server("", port, _application(beat), handler_class=_SilentHandler)
    Thread(target=server.serve_forever, daemon=True).start()


def _application(beat: Beat) -> WSGIApplication:
    def application(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        status, body = _answer(environ, beat)
        head = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
        start_response(f"{status.value} {status.phrase}", head)
        return [body]

    return application


def _answer(environ: WSGIEnvironment, beat: Beat) -> tuple[HTTPStatus, bytes]:
    if environ["PATH_INFO"] == "/healthz/live":
        alive = beat.is_there()
        return (HTTPStatus.OK, b"ok") if alive else (HTTPStatus.SERVICE_UNAVAILABLE, b"silent")
    given = str(environ.get("HTTP_AUTHORIZATION", "")).encode()
    expected = f"Bearer {settings.METRICS_TOKEN}".encode()
    if environ["PATH_INFO"] == "/metrics" and settings.METRICS_TOKEN:
        if hmac.compare_digest(given, expected):
            return HTTPStatus.OK, generate_latest(COUNTED)
        return HTTPStatus.UNAUTHORIZED, b""
    return HTTPStatus.NOT_FOUND, b""
