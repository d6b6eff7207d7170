"""Traces and error reports, as a real server receives them."""

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.isolation.conftest import Side, sides
from tests.support import run

__all__ = ["sides"]  # fixtures

pytestmark = pytest.mark.django_db(transaction=True)

OFF = {"SENTRY_DSN": "", "OTEL_EXPORTER_OTLP_ENDPOINT": ""}
LOADED = "print({name.split('.')[0] for name in sys.modules} & {'opentelemetry', 'sentry_sdk'})"
ASK = """
import json, os
from django.test import RequestFactory
from config.wsgi import application
request = RequestFactory(headers=json.loads(os.environ["HEADERS"])).get(os.environ["URL"])
application(request.environ, lambda status, headers: print(status)).close()
"""
FLUSH = "from opentelemetry.trace import get_tracer_provider as p; p().force_flush()"
ADDRESS = "somebody@example.test"
# Secrets come from the environment, since reports contain source code.
FAIL = """
import os
from unittest.mock import patch
import config.wsgi
from tests.sample import views
def fail(*args, **kwargs):
    password = "-".join(["the", "password"])
    raise ValueError(f"Key (email)=({os.environ['ADDRESS']}) already exists.")
patch.object(views.BookViewSet, "list", fail).start()
"""


@contextmanager
def receiver() -> Iterator[tuple[str, list[bytes]]]:
    """Yield the address of a server, and the list of its received requests."""
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            packed = self.headers["Content-Encoding"] == "gzip"
            bodies.append(gzip.decompress(body) if packed else body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}", bodies
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("module", ["config.wsgi", "config.asgi"])
def test_libraries_are_not_imported_by_default(module: str) -> None:
    done = run("-c", f"import sys, {module}; {LOADED}", **OFF)
    assert done.stdout == "set()\n", done.stderr


def _headers(side: Side) -> dict[str, str]:
    authorization = side.client._credentials["HTTP_AUTHORIZATION"]
    host = f"{side.tenant.slug}.localhost"
    return {"Host": host, "Authorization": authorization, "User-Agent": f"the-browser {ADDRESS}"}


def _asking(headers: dict[str, str]) -> dict[str, str]:
    url = f"/api/v1/sample/books/?search={ADDRESS}"
    return {**OFF, "HEADERS": json.dumps(headers), "URL": url, "ADDRESS": ADDRESS}


def _parsed(body: bytes) -> ExportTraceServiceRequest:
    message = ExportTraceServiceRequest()
    message.ParseFromString(body)  # type: ignore[no-untyped-call]
    return message


def test_request_and_statements_are_traced(
    sides: tuple[Side, Side],
) -> None:
    ours = sides[0]
    headers = _headers(ours)
    with receiver() as (address, bodies):
        variables = _asking(headers) | {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{address}"}
        done = run("-c", ASK + FLUSH, **variables)
    assert done.stdout == "200 OK\n", done.stderr
    spans = [
        span
        for body in bodies
        for resource in _parsed(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    (request,) = [span for span in spans if not span.parent_span_id and span.kind == 2]
    attributes = {pair.key: pair.value.string_value for pair in request.attributes}
    user = ours.tenant.memberships.get(role="member").user
    assert (attributes["tenant.id"], attributes["user.id"]) == (str(ours.tenant.pk), str(user.pk))
    assert request.name == "GET api/v1/sample/books/$"
    # A new connection may set its time zone first.
    within = [span for span in spans if span.parent_span_id == request.span_id]
    statements = [span for span in within if "TimeZone" not in str(span)]
    assert len(statements) == 3, "those of the round trips, and whose the host is"
    assert all(span.attributes for span in statements)
    everything = b"".join(bodies)
    for secret in (ADDRESS, "search=", "the-browser", headers["Authorization"].split()[1]):
        assert secret.encode() not in everything


def test_error_report_names_the_tenant_without_secrets(
    sides: tuple[Side, Side],
) -> None:
    ours = sides[0]
    headers = {**_headers(ours), "X-Request-ID": "the-request"}
    with receiver() as (address, bodies):
        variables = _asking(headers) | {"SENTRY_DSN": f"http://key@{address}/1"}
        done = run("-c", FAIL + ASK, **variables)
    assert done.stdout == "500 Internal Server Error\n", done.stderr
    events = [
        json.loads(line) for body in bodies for line in body.splitlines() if b'"exception"' in line
    ]
    (event,) = [event for event in events if "exception" in event]
    user = ours.tenant.memberships.get(role="member").user
    ids = {"tenant": ours.tenant.pk, "user": user.pk, "request_id": "the-request"}
    assert event["tags"].items() >= {name: str(value) for name, value in ids.items()}.items()
    assert event["exception"]["values"][0]["type"] == "ValueError"
    assert event["request"] == {
        "method": "GET",
        "url": "http://acme.localhost/api/v1/sample/books/",
    }
    everything = b"".join(bodies).decode()
    for secret in (ADDRESS, "search=", "the-browser", "the-password", headers["Authorization"]):
        assert secret not in everything
