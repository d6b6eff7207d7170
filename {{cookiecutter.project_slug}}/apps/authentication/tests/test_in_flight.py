"""One tenant's requests never use all threads of a process."""

import gc
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import Client, RequestFactory

from apps.authentication.middleware import tenant_middleware
from apps.isolation import ActiveTenant
from apps.isolation.fields import new_id
from apps.tenants import in_flight
from apps.tenants.exceptions import TenantBusy
from apps.tenants.in_flight import Slot, _in_flight

MOST = 2


@pytest.fixture(autouse=True)
def most(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set the limit, without requests in flight and without a waiting time."""
    monkeypatch.setattr(in_flight, "PATIENCE", 0)
    settings.TENANT_REQUESTS_IN_FLIGHT = MOST
    yield
    gc.collect()  # closing a response releases its slot
    _in_flight.clear()


@pytest.fixture
def busy() -> Iterator[ActiveTenant]:
    """Return a tenant whose slots are all in use."""
    tenant = ActiveTenant(new_id())
    slots = [Slot(tenant) for _ in range(MOST)]
    yield tenant
    for slot in slots:
        slot.release()


def _streamed(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse([b"a", b"b"])


def _failing(request: HttpRequest) -> HttpResponse:
    raise KeyboardInterrupt


def _request(rf: RequestFactory, tenant: Any) -> HttpRequest:
    return rf.get("/", headers={"Host": f"{tenant.slug}.localhost"})


def test_excess_request_is_refused_and_others_are_served(busy: ActiveTenant) -> None:
    with pytest.raises(TenantBusy):
        Slot(busy).release()
    with Slot(ActiveTenant(new_id())), Slot(None):
        pass


def test_slot_is_released_once(busy: ActiveTenant) -> None:
    other = ActiveTenant(new_id())
    first, second = Slot(other), Slot(other)
    first.release()
    first.release()
    with Slot(other), pytest.raises(TenantBusy):
        Slot(other).release()
    second.release()
    assert other.id not in _in_flight


def test_zero_means_no_limit(busy: ActiveTenant, settings: Any) -> None:
    settings.TENANT_REQUESTS_IN_FLIGHT = 0
    with Slot(busy):
        pass


def test_threads_never_exceed_the_limit() -> None:
    tenant, barrier, got = ActiveTenant(new_id()), threading.Barrier(20), []

    def ask() -> None:
        barrier.wait()
        try:
            slot = Slot(tenant)
        except TenantBusy:
            return
        got.append(slot)

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == MOST
    for slot in got:
        slot.release()


def test_only_one_request_waits(busy: ActiveTenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_flight, "PATIENCE", 30)
    tenant, got, begins = ActiveTenant(new_id()), [], threading.Event()
    first, second = Slot(tenant), Slot(tenant)

    def wait() -> None:
        begins.set()
        got.append(Slot(tenant, may_wait=True))

    thread = threading.Thread(target=wait)
    thread.start()
    begins.wait()
    while thread.is_alive() and not in_flight._waiting:
        pass
    for refused in (tenant, busy):
        with pytest.raises(TenantBusy):
            Slot(refused, may_wait=True).release()
    first.release()
    thread.join()
    second.release()
    got.pop().release()


def test_next_request_may_wait_after_a_waiting_one_continues(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(in_flight, "PATIENCE", 30)
    # Its slot is free, but its thread has not continued yet.
    monkeypatch.setattr(in_flight, "_waiting", {new_id()})
    tenant, got = ActiveTenant(new_id()), []
    first, second = Slot(tenant), Slot(tenant)
    thread = threading.Thread(target=lambda: got.append(Slot(tenant, may_wait=True)))
    thread.start()
    while thread.is_alive() and tenant.id not in in_flight._waiting:
        pass
    first.release()
    thread.join()
    second.release()
    got.pop().release()


@pytest.mark.parametrize("path", ["/api/v1/me/", "/login/", "/nothing"])
def test_response_to_a_busy_tenant(path: str, acme: Any, globex: Any) -> None:
    of_acme, of_globex = (
        Client(headers={"Host": f"{tenant.slug}.localhost", "Accept": "application/json"})
        for tenant in (acme, globex)
    )
    expected = of_acme.get(path).status_code
    with Slot(ActiveTenant(acme.pk)), Slot(ActiveTenant(acme.pk)):
        response = of_acme.get(path)
        assert response.status_code == 429
        assert response.headers["Retry-After"] == "1"
        assert response.json()["code"] == "tenant_busy"
        assert of_globex.get(path).status_code == expected
        assert of_acme.get("/healthz/live").status_code == 200
    assert of_acme.get(path).status_code == expected


@pytest.mark.parametrize(("method", "least"), [("GET", 30), ("HEAD", 30), ("POST", 0)])
def test_only_safe_requests_wait(
    method: str, least: int, acme: Any, rf: RequestFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    def wait_for(predicate: Callable[[], bool], seconds: float) -> bool:
        waited.append(seconds)
        return predicate()

    monkeypatch.setattr(in_flight, "PATIENCE", 30)
    monkeypatch.setattr(in_flight._changed, "wait_for", wait_for)
    request = rf.generic(method, "/", headers={"Host": f"{acme.slug}.localhost"})
    with Slot(ActiveTenant(acme.pk)), Slot(ActiveTenant(acme.pk)):
        assert tenant_middleware(_streamed)(request).status_code == 429
    assert sum(waited) == least


def test_token_names_the_tenant_on_the_shared_host(
    acme: Any, client_of: Callable[..., Any]
) -> None:
    client = client_of(acme, "viewer")
    client.defaults["HTTP_HOST"] = "localhost"
    with Slot(ActiveTenant(acme.pk)), Slot(ActiveTenant(acme.pk)):
        assert client.get("/api/v1/me/").json()["code"] == "tenant_busy"
    assert client.get("/api/v1/me/").status_code == 200


def test_download_counts_until_it_is_closed(acme: Any, rf: RequestFactory) -> None:
    serve = tenant_middleware(_streamed)
    responses = [serve(_request(rf, acme)) for _ in range(MOST)]
    assert serve(_request(rf, acme)).status_code == 429
    responses[0].close()
    responses[0].close()
    assert serve(_request(rf, acme)).status_code == 200


def test_unclosed_download_ends_with_its_response(acme: Any, rf: RequestFactory) -> None:
    serve = tenant_middleware(_streamed)
    for _ in range(3 * MOST):
        response = serve(_request(rf, acme))
        assert response.status_code == 200
        del response
        gc.collect()


def test_aborted_request_releases_its_slot(acme: Any, rf: RequestFactory) -> None:
    serve = tenant_middleware(_failing)
    for _ in range(3 * MOST):
        with pytest.raises(KeyboardInterrupt):
            serve(_request(rf, acme))
    assert not _in_flight


@pytest.mark.django_db(transaction=True)
def test_limit_under_asgi(acme: Any, rf: RequestFactory) -> None:
    async def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    serve = async_to_sync(tenant_middleware(view))
    with Slot(ActiveTenant(acme.pk)), Slot(ActiveTenant(acme.pk)):
        assert serve(_request(rf, acme)).status_code == 429
    assert serve(_request(rf, acme)).status_code == 200
