"""Cached data of one tenant is never served to another (CT12).

The tests use all caches in the settings.
"""

import asyncio
import functools
import gc
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.cache import BaseCache, caches
from django.core.cache.backends.locmem import LocMemCache
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.views.decorators.cache import cache_page
from rest_framework.settings import api_settings

from apps.authentication.middleware import tenant_middleware
from apps.authentication.throttling import Throttle
from apps.isolation import NoTenantError, tenant_context
from apps.isolation.context import activate_tenant
from apps.isolation.integrations.cache import clear_all_caches, tenant_key
from apps.isolation.testing import api_client, make_member
from apps.memberships.attempts import within_rate
from tests.isolation.conftest import Side
from tests.sample.views import ShelfViewSet
from tests.support import statements

SHARED = "localhost"
PLATFORM_CACHES: list[str] = django_settings.PLATFORM_CACHES
TENANT_CACHES = [alias for alias in django_settings.CACHES if alias not in PLATFORM_CACHES]


WITH_A_KEY: dict[str, Callable[[BaseCache], object]] = {
    "get": lambda cache: cache.get("key"),
    "set": lambda cache: cache.set("key", 1),
    "add": lambda cache: cache.add("key", 1),
    "touch": lambda cache: cache.touch("key"),
    "incr": lambda cache: cache.incr("key"),
    "delete": lambda cache: cache.delete("key"),
    "has_key": lambda cache: "key" in cache,
    "get_many": lambda cache: cache.get_many(["key"]),
    "set_many": lambda cache: cache.set_many({"key": 1}),
    "delete_many": lambda cache: cache.delete_many(["key"]),
    "get_or_set": lambda cache: cache.get_or_set("key", 1),
    "incr_version": lambda cache: cache.incr_version("key"),
}


@pytest.mark.parametrize("alias", TENANT_CACHES)
def test_ct12_cache_keys_belong_to_a_tenant(alias: str, sides: tuple[Side, Side]) -> None:
    cache = caches[alias]
    for side in sides:
        with tenant_context(side.tenant):
            assert cache.get("key") is None
            cache.set("key", side.tenant.slug)
    ours, theirs = sides
    with tenant_context(ours.tenant):
        assert cache.get("key") == "acme"
        cache.delete("key")
    with tenant_context(theirs.tenant):
        assert cache.get("key") == "globex"


MEMORY = "django.core.cache.backends.locmem.LocMemCache"
BACKENDS: dict[str, dict[str, Any]] = {
    "memory": {"BACKEND": MEMORY, "LOCATION": "more"},
    "files": {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache"},
    "table": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "no_table"},
    "redis": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://x"},
    "nothing": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"},
}


@pytest.mark.parametrize("alias", TENANT_CACHES)
def test_ct12_tenant_cannot_clear_a_shared_cache(alias: str, sides: tuple[Side, Side]) -> None:
    ours, theirs = sides
    with tenant_context(ours.tenant):
        caches[alias].set("key", "acme")
    for clear in (caches[alias].clear, lambda: asyncio.run(caches[alias].aclear())):
        with tenant_context(theirs.tenant), pytest.raises(NotImplementedError, match="all tenants"):
            clear()
    with tenant_context(ours.tenant):
        assert caches[alias].get("key") == "acme"


@pytest.mark.parametrize("backend", BACKENDS)
def test_ct12_clear_is_refused_by_every_backend(
    backend: str, acme: Any, settings: Any, tmp_path: Any
) -> None:
    key = f"{tenant_key.__module__}.{tenant_key.__name__}"
    more = {"LOCATION": str(tmp_path), **BACKENDS[backend], "KEY_FUNCTION": key}
    settings.CACHES = {**settings.CACHES, "more": more}
    for tenant in (acme, None):
        with activate_tenant(tenant), pytest.raises(NotImplementedError, match="all tenants"):
            caches["more"].clear()


def test_ct12_full_tenant_cache_does_not_reset_counters(
    sides: tuple[Side, Side], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counters of requests and wrong passwords are in a cache that tenants cannot write."""
    ours, theirs = sides
    monkeypatch.setattr(Throttle, "timer", lambda self: 6_000_000_000.0)
    monkeypatch.setitem(api_settings.DEFAULT_THROTTLE_RATES, "member", "2/minute")
    request = RequestFactory().post("/")
    monkeypatch.setattr(django_settings, "ACCOUNT_RATE_LIMITS", {"login": "1/h/key"})
    clear_all_caches()
    with tenant_context(ours.tenant):
        assert within_rate(request, "login", key="ann@acme.test")
    answers = [ours.client.get("/api/v1/sample/shelves/").status_code for _ in range(2)]
    with tenant_context(theirs.tenant):
        for number in range(10_500):
            caches["default"].set(f"key-{number}", number)
    answers.append(ours.client.get("/api/v1/sample/shelves/").status_code)
    assert answers == [200, 200, 429]
    with tenant_context(theirs.tenant):
        assert not within_rate(request, "login", key="ann@acme.test")


@pytest.mark.parametrize("operation", WITH_A_KEY)
@pytest.mark.parametrize("alias", TENANT_CACHES)
def test_ct12_tenant_cache_requires_a_tenant(alias: str, operation: str) -> None:
    with pytest.raises(NoTenantError):
        WITH_A_KEY[operation](caches[alias])


@pytest.mark.parametrize("alias", PLATFORM_CACHES)
def test_ct12_platform_caches_hold_no_tenant_data(
    alias: str, sides: tuple[Side, Side], client_of: Callable[..., Any]
) -> None:
    """The test calls every route first."""
    if not isinstance(caches[alias], LocMemCache):
        pytest.skip("only a cache in memory can be read through")
    for side in sides:
        _walk(side.client)
        side.client.get("/api/v1/sample/shelves/", headers={"Host": SHARED})
    kept = repr(vars(caches[alias])["_cache"]).lower()
    assert "canary" not in kept
    assert "member" not in kept


_cached = cache_page(60)(ShelfViewSet.as_view({"get": "list"}))


def _ask_cached(host: str, **headers: str) -> Any:
    request = RequestFactory().get("/shelves/", headers={"Host": host, **headers})
    return tenant_middleware(_respond)(request)


def _respond(request: HttpRequest) -> Any:
    """Render the response inside the middleware, as Django's handler does."""
    response = _cached(request)
    return response.render() if hasattr(response, "render") else response


def test_ct12_cached_page_is_served_to_its_user_only(
    sides: tuple[Side, Side], client_of: Callable[..., Any]
) -> None:
    """The test varies host, token and header, and requests each page twice."""
    ours, theirs = sides
    bearers = {side.tenant.slug: _bearer(side.client) for side in sides}
    colleague = _bearer(client_of(ours.tenant, "viewer"))
    asked = [
        ("acme.localhost", {"Authorization": bearers["acme"]}, ours),
        ("globex.localhost", {"Authorization": bearers["globex"]}, theirs),
        ("globex.localhost", {"Authorization": bearers["acme"]}, None),
        ("acme.localhost", {"Authorization": bearers["acme"], "X-Tenant": "globex"}, None),
        ("acme.localhost", {"Authorization": bearers["acme"], "X-Tenant": "acme"}, ours),
        ("acme.localhost", {"Authorization": colleague}, ours),
        ("acme.localhost", {}, None),
        (SHARED, {"Authorization": bearers["acme"]}, ours),
        (SHARED, {"Authorization": bearers["globex"]}, theirs),
        (SHARED, {"Authorization": bearers["acme"], "X-Tenant": "acme"}, ours),
        (SHARED, {"Authorization": bearers["acme"], "X-Tenant": "globex"}, None),
    ]
    for host, headers, side in asked * 2:
        response = _ask_cached(host, **headers)
        assert (response.status_code == 200) == (side is not None), (host, headers)
        assert (b"CANARY acme" in response.content) == (side is ours), (host, headers)
        assert (b"CANARY globex" in response.content) == (side is theirs), (host, headers)


def test_ct12_pages_are_cached(sides: tuple[Side, Side]) -> None:
    """Without caching, the test above would prove nothing."""
    bearer = _bearer(sides[0].client)
    first = _ask_cached("acme.localhost", Authorization=bearer)
    with statements() as sent:
        second = _ask_cached("acme.localhost", Authorization=bearer)
    assert second.content == first.content
    assert sent == []


def test_ct12_page_is_not_cached_without_a_tenant() -> None:
    view = cache_page(60)(lambda request: HttpResponse("page"))
    with pytest.raises(NoTenantError):
        tenant_middleware(view)(RequestFactory().get("/", headers={"Host": SHARED}))


def test_ct12_vary_header_names_what_identifies_the_tenant(sides: tuple[Side, Side]) -> None:
    ours, _ = sides
    asked = [
        ("acme.localhost", "/api/v1/sample/shelves/", 200),
        ("globex.localhost", "/api/v1/sample/shelves/", 401),
        ("nobody.localhost", "/api/v1/sample/shelves/", 404),
        (SHARED, "/api/v1/sample/shelves/", 200),
        ("acme.localhost", "/nothing/", 404),
        ("acme.localhost", "/api/schema/", 200),
        ("acme.localhost", "/healthz/live", 200),
    ]
    for host, path, status in asked:
        response = ours.client.get(path, headers={"Host": host})
        assert response.status_code == status
        vary = {name.strip() for name in response.headers["Vary"].split(",")}
        assert {"Authorization", "X-Tenant"} <= vary, path


def test_ct12_throttles_count_tenants_separately(
    sides: tuple[Side, Side], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests of a member of two tenants count in each of them separately."""
    ours, theirs = sides
    make_member(theirs.tenant, "viewer", "member@acme.test")
    clients = [ours.client, api_client(theirs.tenant, "member@acme.test")]
    monkeypatch.setattr(Throttle, "timer", lambda self: 6_000_000_000.0)
    for scope in ("member", "tenant"):
        monkeypatch.setitem(api_settings.DEFAULT_THROTTLE_RATES, scope, "2/minute")
        clear_all_caches()
        for client in clients:
            answers = [client.get("/api/v1/sample/shelves/").status_code for _ in range(3)]
            assert answers == [200, 200, 429]


def test_ct12_cached_rows_are_not_served_to_another_tenant(sides: tuple[Side, Side]) -> None:
    ours, theirs = sides
    cold = _walk(theirs.client)
    for _ in range(2):
        assert b"CANARY acme" in b"".join(_walk(ours.client).values())
        assert _walk(theirs.client) == cold
    assert b"CANARY acme" not in b"".join(cold.values())
    assert b"CANARY globex" in b"".join(cold.values())


# Cached functions without tenant data. Review a function before you add it here.
REMEMBERING = {
    "apps.authentication.token_lookup._query",
    "apps.authentication.tokens.key_ring",
    "apps.isolation.app_registry.tenant_app_labels",
    "apps.isolation.plain_models._bound_manager",
    "apps.isolation.plain_models._bound_queryset",
    "apps.tenants.settings._timezones",
    "apps.observability.health._require_migrated",
    "apps.observability.health._require_invariants",
    "apps.observability.health._require_isolation",
    "config.reading.read",
}


def test_ct12_cached_functions_are_reviewed() -> None:
    """Such a cache belongs to the process, so it would return one tenant's data to another."""
    found = {
        f"{wrapper.__module__}.{wrapper.__qualname__}"
        for wrapper in gc.get_objects()
        if type(wrapper) is functools._lru_cache_wrapper
        and wrapper.__module__.startswith(("apps.", "config."))
    }
    assert found <= REMEMBERING, "does it remember anything of a tenant's? see REMEMBERING"


PATHS = [
    "me/",
    "sample/shelves/",
    "sample/books/",
    "sample/books/?status=free",
    "sample/shelves/?search=CANARY",
]


def _walk(client: Any) -> dict[str, bytes]:
    """Return the responses of all routes, with a request for each listed row."""
    pages = {path: client.get(f"/api/v1/{path}") for path in PATHS}
    for path in ("sample/shelves/", "sample/books/"):
        for row in pages[path].json()["results"]:
            pages[f"{path}{row['id']}/"] = client.get(f"/api/v1/{path}{row['id']}/")
    assert {page.status_code for page in pages.values()} == {200}
    return {path: page.content for path, page in pages.items()}


def _bearer(client: Any) -> str:
    return str(client._credentials["HTTP_AUTHORIZATION"])
