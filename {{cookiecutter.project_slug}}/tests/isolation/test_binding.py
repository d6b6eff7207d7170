"""A request has one tenant: host, header and token agree, or the request is refused."""

import json
import logging
from itertools import product
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from apps.authentication.middleware import tenant_middleware
from apps.isolation import ActiveTenant, current_tenant
from apps.isolation.testing import api_client, isolation_probe
from apps.observability.logs import ContextFilter
from tests.isolation.conftest import Call, World
from tests.isolation.routes import Route, routes

SHARED = "localhost"
# The tenants that host, header and token may name: ours, theirs, or none.
COMBINATIONS = list(product(("acme", "globex", ""), repeat=3))
OF_API = [route for route in routes() if route.is_of_api and route.path.startswith("/api/v1/")]
MEMBERS_ONLY = [route for route in OF_API if not route.is_public]
PUBLIC = [route for route in OF_API if route.is_public and not route.only_on_shared_host]
NAMING = [
    route
    for route in OF_API
    if "POST" in route.methods
    and "tenant" in getattr(route.serializer("POST"), "_declared_fields", ())
]


def _credentials(world: World, kind: str) -> dict[str, Any]:
    """Return clients with a token for our tenant, with one for theirs, and without one."""
    theirs = {"owner": world.bob, "both": api_client(world.theirs.tenant, "both@example.test")}
    nobodys = api_client(world.ours.tenant)
    return {"acme": world.clients[kind], "globex": theirs[kind], "": nobodys}


def _verdict(host: str, header: str, token: str, *, member_of_both: bool) -> tuple[int, str]:
    """Return the expected error, or (200, "") if all named tenants agree."""
    if host and header and header != host:
        return 400, "tenant_conflict"
    if not token:
        return 401, "not_authenticated"
    if host and token != host:
        return 401, "token_tenant_mismatch"
    if not host and header and header != token:
        return (401, "token_tenant_mismatch") if member_of_both else (404, "tenant_not_found")
    return 200, ""


@pytest.mark.parametrize("kind", ["owner", "both"])
@pytest.mark.parametrize("route", MEMBERS_ONLY, ids=str)
def test_ct01_host_header_and_token_must_agree(route: Route, kind: str, world: World) -> None:
    clients = _credentials(world, kind)
    calls = {"acme": Call(route, world.ours), "globex": Call(route, world.theirs)}
    method = route.methods[0]
    model = route.model_of("pk")
    for host, header, token in COMBINATIONS:
        headers = {"Host": f"{host}.localhost" if host else SHARED}
        if header:
            headers["X-Tenant"] = header
        call = calls[token or "acme"]
        answer = call(clients[token], method, **headers)
        status, code = _verdict(host, header, token, member_of_both=kind == "both")
        said = f"host {host!r}, header {header!r}, token {token!r}: {answer}"
        if code:
            assert (answer.status, json.loads(answer.body)["code"]) == (status, code), said
            continue
        assert answer.status < 300 or answer.status == 403, said
        ours, theirs = (world.ours, world.theirs) if token == "acme" else (world.theirs, world.ours)
        known = [theirs.tenant.name] if kind == "both" else []
        assert not answer.mentions_of(theirs, *known), said
        if method == "GET" and answer.status == 200 and model in ours.rows:
            assert ours.are_in(answer.body, model), said


@pytest.mark.parametrize("route", PUBLIC, ids=str)
def test_ct01_host_and_header_must_agree_on_public_routes(route: Route, world: World) -> None:
    answer = Call(route, world.ours)(
        world.clients["owner"], route.methods[0], **{"X-Tenant": "globex"}
    )
    assert (answer.status, json.loads(answer.body)["code"]) == (400, "tenant_conflict")


@pytest.mark.parametrize("route", NAMING, ids=str)
def test_ct01_body_cannot_name_a_foreign_tenant(route: Route, world: World) -> None:
    call = Call(route, world.ours)
    answers = [
        world.try_out(
            "owner", call, "POST", Host=SHARED, body=call.bodies["POST"] | {"tenant": slug}
        )
        for slug in ("globex", "umbrella")
    ]
    assert answers[0].without("globex") == answers[1].without("umbrella")
    assert answers[0].status >= 400


@pytest.mark.parametrize(("host", "header", "token"), COMBINATIONS)
def test_ct01_served_request_runs_in_its_tenant(
    host: str, header: str, token: str, world: World
) -> None:
    """An otherwise unprotected view reports the tenant of the database and of the log."""
    seen: list[Any] = []

    def view(request: HttpRequest) -> HttpResponse:
        record = logging.makeLogRecord({})
        ContextFilter().filter(record)
        seen.append((isolation_probe().tenant, current_tenant(), record.__dict__["tenant"]))
        return HttpResponse()

    headers = {"Host": f"{host}.localhost" if host else SHARED}
    if header:
        headers["X-Tenant"] = header
    client = _credentials(world, "owner")[token]
    request = RequestFactory().get("/", headers=headers, **client._credentials)
    status = tenant_middleware(view)(request).status_code
    ids = {"acme": world.ours.tenant.pk, "globex": world.theirs.tenant.pk}
    expected = ids.get(host or token)
    if header and (host or token) not in {header, ""}:
        assert (seen, status // 100) == ([], 4)
    else:
        assert seen == [(expected, expected and ActiveTenant(expected), expected or "-")]
    assert (isolation_probe().tenant, current_tenant()) == (None, None)
