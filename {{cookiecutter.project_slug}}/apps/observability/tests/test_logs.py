"""Log lines name tenant, user and request, and contain no secrets."""

import json
import logging
from datetime import UTC, datetime
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from apps.isolation import tenant_context
from apps.isolation.testing import api_client, make_member
from apps.observability.logs import ContextFilter, JSONFormatter, LineFormatter, scrubbed
from apps.observability.request_id import request_id_middleware
from tests.support import manage
from tests.test_settings import PRODUCTION

TENANT = "01900000-0000-7000-8000-000000000007"
SCRIPT = f"""
import logging, types, uuid
from apps.isolation import tenant_context
tenant = types.SimpleNamespace(id=uuid.UUID("{TENANT}"), is_usable=True)
with tenant_context(tenant):
    logging.getLogger("some.module").warning("inside")
logging.getLogger("some.module").warning("outside")
"""
SECRETS = {
    "Key (email)=(ann.o'neil+x@example.com) already exists.": "ann.o",
    "postgres://app_user:pa:ss@db/app is down": "pa:ss",
    "Bearer eyJhbGciOi.eyJ0ZW5hbnQi.c2lnbmF0dXJl was sent": "c2lnbmF0dXJl",
    "Not Found: /password-reset/1-abc-def/": "1-abc-def",
}


@pytest.mark.django_db
def test_every_line_contains_the_tenants_id() -> None:
    done = manage("shell", "--verbosity=0", f"--command={SCRIPT}")
    inside, outside = done.stderr.splitlines()
    assert inside.endswith(f" WARNING tenant={TENANT} user=- request=- task=- some.module: inside")
    assert outside.endswith(" WARNING tenant=- user=- request=- task=- some.module: outside")


@pytest.mark.django_db
def test_production_logs_json() -> None:
    done = manage("shell", "--verbosity=0", f"--command={SCRIPT}", **PRODUCTION)
    inside, outside = map(json.loads, done.stderr.splitlines())
    for line in (inside, outside):
        assert datetime.fromisoformat(line.pop("time")).tzinfo == UTC
    ids = {"tenant": TENANT, "user": "-", "request_id": "-"}
    expected = {"level": "WARNING", "logger": "some.module", "message": "inside", **ids}
    assert inside == expected
    assert outside == {**expected, "message": "outside", "tenant": "-"}


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Any:
    """Return a function that returns a logger's lines in production format."""
    caplog.handler.addFilter(ContextFilter())

    def lines(name: str) -> list[Any]:
        records = [record for record in caplog.records if record.name == name]
        return [json.loads(JSONFormatter().format(record)) for record in records]

    return lines


@pytest.mark.parametrize(
    ("method", "url"), [("get", "/api/v1/sample/shelves/{}/"), ("post", "/invitations/{}/revoke/")]
)
def test_line_after_a_request_names_tenant_user_and_request(
    method: str, url: str, acme: Any, lines: Any
) -> None:
    """Django logs a failed request after its end, when no tenant is active."""
    user = make_member(acme, "admin").user
    client = api_client(acme, user.email)
    with tenant_context(acme):
        client.force_login(user)
    headers = {"X-Request-ID": "the-request"}
    answer = client.generic(method, url.format(TENANT), headers=headers)
    assert answer.status_code == 404
    (line,) = lines("django.request")
    ids = (str(acme.pk), str(user.pk), "the-request")
    assert (line["tenant"], line["user"], line["request_id"]) == ids


def test_line_inside_a_request_names_its_user(acme: Any) -> None:
    user = make_member(acme, "member").user
    request = RequestFactory().get("/")
    request.user = user
    seen: list[Any] = []

    def view(request: HttpRequest) -> HttpResponse:
        record = logging.makeLogRecord({})
        ContextFilter().filter(record)
        seen.append((vars(record)["user"], vars(record)["request_id"]))
        return HttpResponse()

    answer = request_id_middleware(view)(request)
    assert seen == [(user.pk, answer.headers["X-Request-ID"])]


@pytest.mark.parametrize("text", SECRETS)
def test_lines_contain_no_secrets(text: str) -> None:
    info = (ValueError, ValueError(text), None)
    record = logging.LogRecord("x", logging.ERROR, __file__, 1, "Failed: %s", (text,), info)
    ContextFilter().filter(record)
    for formatter in (JSONFormatter(), LineFormatter("%(message)s")):
        line = formatter.format(record)
        assert "ValueError" in line
        assert SECRETS[text] not in line
    assert json.loads(JSONFormatter().format(record))["message"] == f"Failed: {scrubbed(text)}"
