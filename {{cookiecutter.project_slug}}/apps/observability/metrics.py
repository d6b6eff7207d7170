"""Prometheus metrics of requests, of denied requests, and of the platform.

Clients cannot increase the number of series: the label of a route is its pattern, and only the
first METRICS_TENANTS tenants have series of their own. Requests are counted in memory. Metrics of
the database are queried when Prometheus scrapes.

A server has several processes. gunicorn.conf.py names the folder for their numbers and the file of
each process; a new process continues the file of the one that it replaces.

An app defines metrics in a module ``metrics``: counters in the registry `COUNTED`, and functions
decorated with `measures`. The middleware imports these modules.
"""

import logging
import os
import time
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.contrib.admindocs.views import simplify_regex
from django.db import DatabaseError, connections
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware
from django.utils.module_loading import autodiscover_modules
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    Metric,
    generate_latest,
    multiprocess,
    values,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from apps.isolation.app_registry import SHARED_DB
from apps.observability.request_id import GetResponse

logger = logging.getLogger(__name__)

FOLDER = os.environ.get("PROMETHEUS_MULTIPROC_DIR", "")
METHODS = {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"}
OTHER = "other"

# Error codes of requests that tried to reach another tenant.
DENIALS = {
    "token_tenant_mismatch",
    "tenant_conflict",
    "wrong_tenant",
    "shared_join",
    "no_tenant",
}

if "WORKER_SLOT" in os.environ:
    values.ValueClass = values.MultiProcessValue(  # type: ignore[no-untyped-call]
        partial(os.environ.get, "WORKER_SLOT")
    )

COUNTED = CollectorRegistry()
REQUESTS = Counter(
    "http_requests_total",
    "Requests, by method, route pattern and status.",
    ["method", "route", "status"],
    registry=COUNTED,
)
SECONDS = Histogram(
    "http_request_duration_seconds",
    "Seconds until the response was ready.",
    ["method", "route"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=COUNTED,
)
TENANT_REQUESTS = Counter(
    "tenant_requests_total",
    "Requests by tenant; tenants without their own series are counted as tenant=other.",
    ["tenant", "status"],
    registry=COUNTED,
)
TENANT_SECONDS = Counter(
    "tenant_request_seconds_total",
    "Seconds that a tenant's requests took.",
    ["tenant"],
    registry=COUNTED,
)
DENIED = Counter(
    "cross_tenant_denials_total",
    "Denied requests for another tenant.",
    ["reason"],
    registry=COUNTED,
)
for reason in DENIALS:
    DENIED.labels(reason)  # starts at 0: Prometheus sees no increase to a first sample


@sync_and_async_middleware
def metrics_middleware(get_response: GetResponse) -> GetResponse:
    """Count the request, and the seconds until its response."""
    autodiscover_modules("metrics")
    if iscoroutinefunction(get_response):

        async def middleware_async(request: HttpRequest) -> HttpResponseBase:
            started = time.perf_counter()
            response: HttpResponseBase = await get_response(request)
            _count(request, response, time.perf_counter() - started)
            return response

        return middleware_async

    def middleware(request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        response: HttpResponseBase = get_response(request)
        _count(request, response, time.perf_counter() - started)
        return response

    return middleware


_name = cache(simplify_regex)  # bounded by the number of routes


def _count(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    route = _name(request.resolver_match.route) if request.resolver_match else "none"
    method = request.method if request.method in METHODS else OTHER
    REQUESTS.labels(method, route, response.status_code).inc()
    SECONDS.labels(method, route).observe(seconds)
    if tenant := getattr(request, "tenant", None):
        label = labelled.label(str(tenant.id))
        TENANT_REQUESTS.labels(label, f"{response.status_code // 100}xx").inc()
        TENANT_SECONDS.labels(label).inc(seconds)
    code = getattr(getattr(response, "error", None), "default_code", "")
    if code in DENIALS:
        DENIED.labels(code).inc()


class LabelledTenants:
    """The tenants with series of their own: the first to send requests, as busy tenants are.

    The processes of a server share a file, to which each appends the tenants that it serves. The
    first distinct lines of the file are the labelled tenants, in whatever order processes write.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[str] = set()
        self._file = Path(FOLDER, "tenants") if FOLDER else None

    def label(self, tenant: str) -> str:
        """Return the tenant's id if it has series of its own, else the name for the others."""
        if tenant not in self._known and len(self._known) < self._most:
            self._meet(tenant)
        return tenant if tenant in self._known else OTHER

    def _meet(self, tenant: str) -> None:
        if self._file is None:
            self._known.add(tenant)
            return
        with self._file.open("a+", encoding="ascii") as file:
            file.write(f"{tenant}\n")
            file.flush()
            file.seek(0)
            lines = dict.fromkeys(line.strip() for line in file)
        self._known = set(list(lines)[: self._most])


labelled = LabelledTenants(settings.METRICS_TENANTS)


type Measure = Callable[[], Iterator[Metric]]
MEASURES: list[Measure] = []


def measures(function: Measure) -> Measure:
    """Register a function that queries the database when Prometheus scrapes."""
    MEASURES.append(function)
    return function


class Platform(Collector):
    """Metrics from the database. They are omitted while the database is unavailable."""

    def collect(self) -> Iterator[Metric]:
        """Query the database."""
        try:
            yield from [metric for measure in MEASURES for metric in measure()]
        except DatabaseError:
            logger.warning("The database could not be measured.")


@measures
def _connections() -> Iterator[Metric]:
    with connections[SHARED_DB].cursor() as cursor:
        cursor.execute(
            "SELECT sum(numbackends), current_setting('max_connections')::int FROM pg_stat_database"
        )
        used, most = cursor.fetchone() or (0, 0)
    yield GaugeMetricFamily("database_connections", "All connections to PostgreSQL.", used)
    yield GaugeMetricFamily("database_connections_limit", "PostgreSQL's max_connections.", most)


def exposition() -> bytes:
    """Return the metrics of all processes of this server, and those of the platform."""
    registry = CollectorRegistry()
    if FOLDER:
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        registry.register(COUNTED)
    registry.register(Platform())
    return generate_latest(registry)
