"""CORS: only allowed origins may call the API, and never with cookies."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from tests.support import run

APP, STRANGER = "https://app.example.com", "https://app.example.com.evil.test"
SHELVES, ME = "/api/v1/sample/shelves/", "/api/v1/me/"
HOSTS = ["acme.localhost", "localhost", "nobody.localhost"]
ALLOWED = "Access-Control-Allow-Origin"
SCRIPT = "from config.settings.base import *; print(MIDDLEWARE[0], 'corsheaders' in INSTALLED_APPS)"
MIDDLEWARE = "corsheaders.middleware.CorsMiddleware"


@pytest.fixture
def app(settings: Any) -> None:
    """Allow one origin."""
    settings.CORS_ALLOWED_ORIGINS = [APP]
    settings.MIDDLEWARE = [MIDDLEWARE, *settings.MIDDLEWARE]


def _preflight(host: str, origin: str, path: str = SHELVES, headers: str = "authorization") -> Any:
    asked = {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": headers}
    return Client(headers={"Host": host, "Origin": origin, **asked}).options(path)


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("host", HOSTS)
def test_preflight_of_an_allowed_origin_succeeds(host: str, acme: Any) -> None:
    """Every host gives the same response, which does not reveal tenants."""
    answer = _preflight(host, APP, headers="authorization, content-type, x-tenant")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer[ALLOWED] == APP
    assert "origin" in answer["Vary"]
    for name in ("authorization", "content-type", "x-tenant"):
        assert name in answer["Access-Control-Allow-Headers"]
    assert {"PATCH", "DELETE"} <= set(answer["Access-Control-Allow-Methods"].split(", "))
    assert "Access-Control-Allow-Credentials" not in answer


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("origin", [STRANGER, "http://app.example.com", "null", "*", "x"])
def test_preflight_of_other_origins_fails(origin: str, host: str, acme: Any) -> None:
    assert ALLOWED not in _preflight(host, origin)
    assert ALLOWED not in Client(headers={"Host": host, "Origin": origin}).get(ME)


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("path", ["/", "/login/", "/admin/", "/healthz/live", "/metrics", "/apix"])
@pytest.mark.parametrize("host", HOSTS)
def test_only_the_api_allows_other_origins(host: str, path: str, acme: Any) -> None:
    assert ALLOWED not in _preflight(host, APP, path)
    assert ALLOWED not in Client(headers={"Host": host, "Origin": APP}).get(path)


@pytest.mark.usefixtures("app")
def test_script_can_read_responses_and_errors(acme: Any, client_of: Callable[..., Any]) -> None:
    member = client_of(acme, "member")
    answers = {
        200: member.get(SHELVES, headers={"Origin": APP}),
        400: member.post(SHELVES, {}, headers={"Origin": APP}),
        404: member.get("/api/v1/nothing/", headers={"Origin": APP}),
        401: Client(headers={"Host": "acme.localhost", "Origin": APP}).get(SHELVES),
    }
    for status, answer in answers.items():
        assert (answer.status_code, answer[ALLOWED]) == (status, APP)
        assert "Access-Control-Allow-Credentials" not in answer
        assert "Retry-After" in answer["Access-Control-Expose-Headers"]


def test_no_origin_is_allowed_by_default(acme: Any, settings: Any) -> None:
    assert settings.CORS_ALLOWED_ORIGINS == []
    assert MIDDLEWARE not in settings.MIDDLEWARE
    for host in HOSTS:
        assert ALLOWED not in _preflight(host, APP)


@pytest.mark.parametrize(
    ("origins", "printed"),
    [
        ("", "django.middleware.security.SecurityMiddleware False\n"),
        (f"{APP},http://localhost:5173", f"{MIDDLEWARE} True\n"),
    ],
)
def test_variable_enables_cors(origins: str, printed: str) -> None:
    assert run("-c", SCRIPT, CORS_ALLOWED_ORIGINS=origins).stdout == printed


@pytest.mark.parametrize(
    "origin",
    [
        *(
            "*",
            "https://*",
            "https://*.example.com",
            "null",
            "app.example.com",
            f"{APP}/a",
        ),
        *("https://user@example.com", "file://", "https://", "https://a:b", "//example.com", "é"),
    ],
)
def test_invalid_origin_stops_the_start(origin: str) -> None:
    done = run("-c", SCRIPT, CORS_ALLOWED_ORIGINS=f"http://localhost:5173,{origin}")
    assert done.returncode != 0
    assert "CORS_ALLOWED_ORIGINS must be " in done.stderr.splitlines()[-1]
