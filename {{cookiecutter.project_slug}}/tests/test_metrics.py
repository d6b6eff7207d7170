"""Metrics for Prometheus, after real requests."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client
from django.urls import path
from rest_framework.views import APIView

from apps.api import error_views
from apps.authentication.decorators import unguarded
from apps.isolation import NoTenantError, SharedJoinError, WrongTenantError
from apps.isolation.exceptions import ProvisioningError
from apps.isolation.testing import breach
from apps.observability import metrics
from apps.observability.tests.test_health import NOWHERE
from apps.tenants import services
from config.variables import Variables
from tests.isolation import conftest
from tests.support import manage, run, statements
from tests.test_settings import PRODUCTION

pytestmark = pytest.mark.django_db

TOKEN = "a-long-random-text-for-prometheus"
BEARER = {"Host": "localhost", "Authorization": f"Bearer {TOKEN}"}
MIDDLEWARE = "apps.observability.metrics.metrics_middleware"
ERRORS = {
    "wrong_tenant": WrongTenantError("no"),
    "shared_join": SharedJoinError("no"),
    "no_tenant": NoTenantError(),
}


def page(request: HttpRequest, name: str) -> HttpResponse:
    raise ERRORS[name]


class Api(APIView):
    authentication_classes = ()
    permission_classes = ()

    def get(self, request: Any, name: str) -> Any:
        """Raise an error of the isolation layer."""
        raise ERRORS[name]


urlpatterns = [
    path("page/<str:name>/", unguarded(page)),
    path("api/<str:name>/", Api.as_view()),
]
handler403, handler500 = error_views.permission_denied, error_views.server_error


@pytest.fixture
def measured(settings: Any) -> Callable[..., float]:
    """Enable metrics; return a function that returns the increase of a series."""
    settings.METRICS_TOKEN = TOKEN
    settings.MIDDLEWARE = [settings.MIDDLEWARE[0], MIDDLEWARE, *settings.MIDDLEWARE[1:]]
    Client().handler.load_middleware()
    before = _series()

    def measured(name: str, **labels: str) -> float:
        key = name, frozenset(labels.items())
        return _series().get(key, 0.0) - before.get(key, 0.0)

    return measured


def _series() -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in metrics.COUNTED.collect()
        for sample in family.samples
    }


def _scrape() -> dict[str, float]:
    answer = Client(headers=BEARER).get("/metrics")
    assert answer.status_code == 200
    lines = answer.content.decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def test_metrics_are_off_without_a_token() -> None:
    assert Client(headers=BEARER).get("/metrics").status_code == 404
    names = {"apps.observability.metrics", "apps.tenants.metrics", "prometheus_client"}
    ask = f"import sys, config.wsgi; print({names} & {{*sys.modules}})"
    done = run("-c", ask, **PRODUCTION | {"METRICS_TOKEN": ""})
    assert done.stdout == "set()\n", done.stderr


def test_middleware_counts_with_a_token() -> None:
    ask = "from django.conf import settings; print(settings.MIDDLEWARE[:4])"
    done = run("-c", ask, **PRODUCTION | {"METRICS_TOKEN": TOKEN})
    assert MIDDLEWARE in done.stdout, done.stderr


@pytest.mark.parametrize(
    ("host", "given", "status"),
    [
        ("localhost", f"Bearer {TOKEN}", 200),
        ("localhost", f"bearer  {TOKEN}", 200),
        ("localhost", f"Basic {TOKEN}", 401),
        ("localhost", TOKEN, 401),
        ("localhost", f"Bearer {TOKEN[:-1]}", 401),
        ("localhost", "Bearer ", 401),
        ("acme.localhost", f"Bearer {TOKEN}", 404),
        ("nobody.localhost", f"Bearer {TOKEN}", 404),
    ],
)
def test_metrics_need_a_shared_host_and_the_token(
    host: str, given: str, status: int, acme: Any, measured: Any
) -> None:
    headers = {"Host": host, "Authorization": given}
    answer = Client(headers=headers).get("/metrics")
    assert answer.status_code == status
    assert (b"http_requests_total" in answer.content) == (status == 200)


@pytest.mark.parametrize("written", ["fd00::1", "[fd00::1]", "FD00:0:0::1", "10.1.2.3, fd00::1"])
@pytest.mark.parametrize("host", ["[fd00::1]", "[fd00::1]:8000", "[FD00:0::1]:80"])
def test_pod_with_an_ipv6_address(written: str, host: str, settings: Any, measured: Any) -> None:
    settings.SHARED_HOSTS = Variables.model_validate({"SHARED_HOSTS": written}).SHARED_HOSTS
    assert Client(headers=BEARER | {"Host": host}).get("/metrics").status_code == 200
    assert Client(headers=BEARER | {"Host": "[fd00::2]"}).get("/metrics").status_code == 404


def test_request_is_counted_by_route_and_tenant(acme: Any, client_of: Any, measured: Any) -> None:
    member = client_of(acme, "member")
    unknown = uuid4()
    assert member.get(f"/api/v1/sample/shelves/{unknown}/").status_code == 404
    labels = {"method": "GET", "route": "/api/v1/sample/shelves/<pk>/"}
    assert measured("http_requests_total", status="404", **labels) == 1
    assert measured("http_request_duration_seconds_count", **labels) == 1
    assert measured("tenant_requests_total", tenant=str(acme.pk), status="4xx") == 1
    assert measured("tenant_request_seconds_total", tenant=str(acme.pk)) > 0
    assert not [name for name in _scrape() if str(unknown) in name]


def test_async_server_counts_requests(measured: Any) -> None:
    async def ask() -> Any:
        return await AsyncClient(headers={"Host": "localhost"}).get("/healthz/live")

    assert conftest.run(ask()).status_code == 200
    labels = {"method": "GET", "route": "/healthz/live", "status": "200"}
    assert measured("http_requests_total", **labels) == 1


def test_clients_cannot_create_series(measured: Any) -> None:
    client = Client(headers={"Host": "localhost"})
    before = len(_series())
    for number in range(3):
        client.generic(f"M{number}", f"/nowhere/{number}/")
    assert measured("http_requests_total", method="other", route="none", status="404") == 3
    assert len(_series()) - before < 20


def test_counting_needs_no_query(acme: Any, client_of: Any, measured: Any, settings: Any) -> None:
    member = client_of(acme, "member")
    counts = []
    for middleware in (settings.MIDDLEWARE, [m for m in settings.MIDDLEWARE if m != MIDDLEWARE]):
        settings.MIDDLEWARE = middleware
        member.handler.load_middleware()
        member.get("/api/v1/sample/books/")
        with statements() as sent:
            assert member.get("/api/v1/sample/books/").status_code == 200
        counts.append(len(sent))
    assert counts[0] == counts[1]


def test_conflicting_tenants_are_counted_as_denials(
    acme: Any, globex: Any, client_of: Any, measured: Any
) -> None:
    member = client_of(acme, "member")
    answer = member.get("/api/v1/sample/books/", headers={"Host": "globex.localhost"})
    assert answer.json()["code"] == "token_tenant_mismatch"
    answer = member.get("/api/v1/sample/books/", headers={"X-Tenant": "globex"})
    assert answer.json()["code"] == "tenant_conflict"
    for reason in ("token_tenant_mismatch", "tenant_conflict"):
        assert measured("cross_tenant_denials_total", reason=reason) == 1


@pytest.mark.parametrize("kind", ["api", "page"])
@pytest.mark.parametrize("reason", ERRORS)
def test_isolation_errors_are_counted(reason: str, kind: str, measured: Any, settings: Any) -> None:
    settings.ROOT_URLCONF = __name__
    client = Client(headers={"Host": "localhost"}, raise_request_exception=False)
    status = client.get(f"/{kind}/{reason}/").status_code
    assert status == (403 if reason == "wrong_tenant" else 500)
    assert measured("cross_tenant_denials_total", reason=reason) == 1


def test_failed_provisioning_is_counted(measured: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(tenant: Any) -> None:
        raise ProvisioningError("no room")

    monkeypatch.setattr(services, "provision", fail)
    with pytest.raises(ProvisioningError):
        services.create_tenant(slug="initech", name="Initech")
    assert measured("provisioning_failures_total") == 1


def test_number_of_labelled_tenants_is_limited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All processes label the same tenants: those that any of them served first."""
    monkeypatch.setattr(metrics, "FOLDER", str(tmp_path))
    one, another = metrics.LabelledTenants(2), metrics.LabelledTenants(2)
    assert (one.label("a"), another.label("b"), one.label("c")) == ("a", "b", "other")
    assert [another.label(tenant) for tenant in "abc"] == ["a", "b", "other"]
    assert (one.label("b"), one.label("b")) == ("b", "b")


def test_platform_metrics_come_from_the_database(acme: Any, globex: Any, measured: Any) -> None:
    globex.status = "suspended"
    globex.save()
    values = _scrape()
    assert values['tenants{status="active"}'] == 1
    assert values['tenants{status="suspended"}'] == 1
    assert values["tenants_unmigrated"] == 0
    assert 0 < values["database_connections"] < values["database_connections_limit"]


@pytest.mark.django_db(transaction=True)
def test_unapplied_shared_migrations_count_for_every_tenant(
    acme: Any, globex: Any, measured: Any
) -> None:
    forget = "UPDATE django_migrations SET app = 'gone' WHERE app = 'sessions'"
    with breach(forget, "UPDATE django_migrations SET app = 'sessions' WHERE app = 'gone'"):
        assert _scrape()["tenants_unmigrated"] == 2


def test_counters_are_available_without_the_database() -> None:
    ask = (
        "from django.test import Client; "
        f"print(Client(headers={BEARER}).get('/metrics').content.decode())"
    )
    done = manage("shell", "--verbosity=0", f"--command={ask}", **NOWHERE, METRICS_TOKEN=TOKEN)
    assert "provisioning_failures_total 0.0" in done.stdout, done.stderr
    assert "database_connections" not in done.stdout


def test_new_process_continues_counters(tmp_path: Path) -> None:
    count = """
import django; django.setup()
from apps.observability.metrics import exposition
from apps.tenants.metrics import PROVISIONING_FAILURES
PROVISIONING_FAILURES.inc()
print(exposition().decode())
"""
    for slot in ("0", "1", "0"):
        done = run("-c", count, PROMETHEUS_MULTIPROC_DIR=str(tmp_path), WORKER_SLOT=slot)
    assert re.search(r"^provisioning_failures_total 3.0$", done.stdout, re.MULTILINE), done.stderr
    assert {path.stem.split("_")[-1] for path in tmp_path.iterdir()} == {"0", "1"}
