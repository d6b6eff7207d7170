"""Isolation over HTTP, with real tokens and hosts."""

from typing import Any
from uuid import uuid4

import pytest
from django.core import mail
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from apps.authentication.middleware import tenant_middleware
from apps.isolation import ActiveTenant, current_tenant, tenant_context
from apps.isolation.testing import api_client, make_member
from tests.isolation.conftest import Side
from tests.isolation.routes import METHODS, routes
from tests.sample.models import Book

HOST_OF_NOBODY = "initech.localhost"
SHARED = "localhost"
BOOKS = "/api/v1/sample/books/"


def _switch(client: Any, host: str, **headers: str) -> Any:
    """Send the client's requests, with its token, to another host."""
    client.defaults.clear()
    client.defaults["HTTP_HOST"] = host
    client.defaults.update({f"HTTP_{name}": value for name, value in headers.items()})
    return client


def test_ct01_shared_host_hides_foreign_tenants(
    sides: tuple[Side, Side], django_assert_num_queries: Any
) -> None:
    ours, _ = sides
    answers = []
    for slug in ("globex", "initech"):
        with django_assert_num_queries(2):
            response = _switch(ours.client, SHARED, X_TENANT=slug).get("/api/v1/sample/shelves/")
        answers.append((response.status_code, response.json()))
    assert answers[0] == answers[1]
    assert (answers[0][0], answers[0][1]["code"]) == (404, "tenant_not_found")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("acme.localhost", 200),
        ("ACME.LocalHost", 200),
        ("acme.localhost:8000", 200),
        ("acme.localhost.", 200),
        ("acme.localhost.:8000", 200),
        (HOST_OF_NOBODY, 404),
        ("www.acme.localhost", 404),
        ("acme.localhost.evil.test", 404),
        ("a..localhost", 404),
        ("[::1]", 404),
        ("acme_localhost", 404),
    ],
)
def test_ct15_hosts(host: str, status: int, sides: tuple[Side, Side]) -> None:
    assert _switch(sides[0].client, host).get("/api/v1/sample/shelves/").status_code == status


@pytest.mark.parametrize("host", ["acme.localhost", SHARED])
def test_unauthenticated_user(host: str, sides: tuple[Side, Side]) -> None:
    """Requests without a valid token are refused (CT01)."""
    client = api_client(sides[0].tenant)
    for headers in ({}, {"X_TENANT": "acme"}, {"AUTHORIZATION": "Bearer x"}):
        response = _switch(client, host, **headers).get("/api/v1/sample/shelves/")
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("host", "token", "wanted"),
    [
        ("acme.localhost", "", "acme"),
        ("globex.localhost", "", "globex"),
        (SHARED, "", None),
        (SHARED, "acme", "acme"),
        (SHARED, "globex", "globex"),
    ],
)
def test_tenant_context_setting(
    host: str, token: str, wanted: str | None, sides: tuple[Side, Side], rf: RequestFactory
) -> None:
    """A request runs in the tenant of its host or token, and leaves none active."""
    of = {side.tenant.slug: side for side in sides}
    seen = []

    def get_response(request: HttpRequest) -> HttpResponse:
        seen.append(current_tenant())
        return HttpResponse()

    bearer = of[token].client._credentials["HTTP_AUTHORIZATION"] if token else ""
    tenant_middleware(get_response)(rf.get("/", headers={"Host": host, "Authorization": bearer}))
    assert seen == [ActiveTenant(of[wanted].tenant.pk) if wanted else None]
    assert current_tenant() is None


def test_complete_tenant_isolation(sides: tuple[Side, Side]) -> None:
    """Two tenants work concurrently with the same names."""
    made: list[dict[str, str]] = []
    for side in sides:
        shelf = side.client.post("/api/v1/sample/shelves/", {"name": "same"}).json()["id"]
        book = {"title": "same", "shelf": shelf}
        made.append({"shelves": shelf, "books": side.client.post(BOOKS, book).json()["id"]})
    for side, own, others in zip(sides, made, reversed(made), strict=True):
        for kind, theirs in others.items():
            listed = [
                row["id"] for row in side.client.get(f"/api/v1/sample/{kind}/").json()["results"]
            ]
            assert own[kind] in listed
            assert theirs not in listed
            for method in ("get", "patch", "delete"):
                assert (
                    getattr(side.client, method)(f"/api/v1/sample/{kind}/{theirs}/").status_code
                    == 404
                )
        foreign = {"title": "x", "shelf": others["shelves"]}
        assert side.client.post(BOOKS, foreign).status_code == 400
        with tenant_context(side.tenant):
            assert Book.objects.filter(title="same").count() == 1


def test_admin_is_on_the_shared_host_only(sides: tuple[Side, Side]) -> None:
    client = api_client(sides[0].tenant)
    assert client.get("/admin/login/").status_code == 404
    assert _switch(client, SHARED).get("/admin/login/").status_code == 200


@pytest.mark.parametrize(
    ("role", "status"), [("viewer", 403), ("member", 201), ("admin", 201), ("owner", 201)]
)
def test_ct13_roles(role: str, status: int, sides: tuple[Side, Side], client_of: Any) -> None:
    client = client_of(sides[0].tenant, role)
    assert client.get("/api/v1/sample/shelves/").status_code == 200
    response = client.post("/api/v1/sample/shelves/", {"name": "new"})
    assert response.status_code == status
    if status == 403:
        assert response.json()["code"] == "permission_denied"


def test_ct07_changes_of_a_member_take_effect_at_once(sides: tuple[Side, Side]) -> None:
    ours, _ = sides
    membership = ours.tenant.memberships.get()

    def write() -> int:
        status: int = ours.client.post(
            "/api/v1/sample/shelves/", {"name": str(uuid4())}
        ).status_code
        return status

    assert write() == 201
    type(membership).platform.update(role="viewer")
    assert write() == 403
    type(membership).platform.update(role="member", is_active=False)
    assert write() == 401
    type(membership).platform.update(is_active=True)
    type(membership.user).objects.update(is_active=False)
    assert write() == 401


@pytest.mark.parametrize(
    ("status", "answer", "code"),
    [
        ("suspended", 403, "tenant_suspended"),
        ("archived", 403, "tenant_suspended"),
        ("moved", 421, "tenant_moved"),
        ("preparing", 503, "tenant_not_ready"),
    ],
)
def test_ct16_status_of_a_tenant_takes_effect_at_once(
    status: str, answer: int, code: str, sides: tuple[Side, Side]
) -> None:
    ours, theirs = sides
    assert ours.client.get("/api/v1/sample/shelves/").status_code == 200
    type(ours.tenant).objects.filter(pk=ours.tenant.pk).update(status=status)
    response = ours.client.get("/api/v1/sample/shelves/")
    assert (response.status_code, response.json()["code"]) == (answer, code)
    assert theirs.client.get("/api/v1/sample/shelves/").status_code == 200


# Bodies and content types.
BODIES = [
    ("{}", "application/json"),
    ('{"email": "somebody@example.test"}', "application/json"),
    ("email=somebody@example.test&password=guessed", "application/x-www-form-urlencoded"),
    ("without a boundary", "multipart/form-data"),
]
PATHS_OF_NOTHING = ["/nothing/", "/api/v1/nothing/", "/login", "/api/v1/me"]


def _comparable(host: str, method: str, path: str, body: tuple[str, str], **options: Any) -> Any:
    """Return a stranger's response, without the parts that always differ."""
    response = Client(headers={"Host": host}, **options).generic(method, path, *body)
    headers = {name: response[name] for name in response.headers if name != "X-Request-ID"}
    return response.status_code, response.content, headers


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("with_csrf", [True, False])
@pytest.mark.parametrize("status", ["suspended", "archived", "moved"])
def test_ct16_suspended_tenant_looks_missing_to_strangers(
    status: str, with_csrf: bool, body: tuple[str, str], acme: Any
) -> None:
    type(acme).objects.update(status=status)
    paths = [route.path for route in routes() if route.is_public and not route.parameters]
    assert {"/api/schema/", "/api/v1/auth/token/", "/login/"} < set(paths)
    for path in [*paths, *PATHS_OF_NOTHING]:
        for method in METHODS:
            hidden, missing = (
                _comparable(host, method, path, body, enforce_csrf_checks=not with_csrf)
                for host in ("acme.localhost", HOST_OF_NOBODY)
            )
            assert hidden == missing, (method, path)


@pytest.mark.parametrize("path", ["password/reset/", "email/resend/"])
def test_ct16_strangers_cannot_act_on_a_suspended_tenant(path: str, acme: Any) -> None:
    type(acme).objects.update(status="suspended")
    body = {"email": make_member(acme, "member").user.email}
    assert api_client(acme).post(f"/api/v1/auth/{path}", body).status_code == 404
    assert not mail.outbox


def test_ct16_suspended_tenant_looks_missing_to_former_members(
    sides: tuple[Side, Side],
) -> None:
    """The responses on the shared host are identical, headers included."""
    ours, _ = sides
    ours.tenant.memberships.update(is_active=False)
    answers = []
    for slug in ("acme", "initech"):
        response = _switch(ours.client, SHARED, X_TENANT=slug).get("/api/v1/sample/shelves/")
        del response.headers["X-Request-ID"]
        answers.append((response.status_code, response.content, response.headers))
    assert answers[0] == answers[1]
    assert answers[0][0] == 404


def test_ct16_throttling_does_not_reveal_a_suspended_tenant(acme: Any, settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login": "2/m/key"}
    type(acme).objects.update(status="suspended")
    guess = ("POST", "/login/", BODIES[2])
    answers = {str(_comparable("acme.localhost", *guess)) for _ in range(4)}
    assert answers == {str(_comparable(HOST_OF_NOBODY, *guess))}


def test_tenant_in_preparation_answers_with_retry_after(acme: Any) -> None:
    type(acme).objects.update(status="preparing")
    response = api_client(acme).get("/api/v1/sample/shelves/")
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
