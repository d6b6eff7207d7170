"""Tenant-scoped caches, files, locks, sessions and signatures."""

import threading
from contextlib import nullcontext
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.sessions.backends import db as django_sessions
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.cache import cache, caches
from django.core.cache.backends.dummy import DummyCache
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.signing import BadSignature, SignatureExpired
from django.db import DatabaseError, connection, connections, transaction
from django.http import HttpResponse
from django.test import RequestFactory

from apps.authentication.middleware import tenant_middleware
from apps.isolation import NoTenantError, tenant_context
from apps.isolation.checks import check_integrations
from apps.isolation.integrations.files import delete_all_files
from apps.isolation.integrations.locks import tenant_lock
from apps.isolation.integrations.sessions import SessionStore
from apps.isolation.integrations.signing import tenant_signer
from apps.isolation.strategy.provisioning import deprovision, provision
from apps.tenants.services import create_tenant
from tests.isolation.conftest import Side
from tests.support import at_once


def _stored() -> set[str]:
    root = Path(django_settings.MEDIA_ROOT)
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


# Files


def test_file_is_stored_under_the_tenants_id(acme: Any) -> None:
    with tenant_context(acme):
        assert default_storage.save("notes/a.txt", ContentFile(b"x")) == "notes/a.txt"
        assert default_storage.listdir("") == (["notes"], [])
        assert default_storage.listdir("notes") == ([], ["a.txt"])
        assert default_storage.size("notes/a.txt") == 1
        assert default_storage.path("notes/a.txt").endswith(f"/{acme.id}/notes/a.txt")
        times = ("get_accessed_time", "get_created_time", "get_modified_time")
        assert all(getattr(default_storage, time)("notes/a.txt") for time in times)
    assert _stored() == {f"{acme.id}/notes/a.txt"}


def test_taken_file_name_gets_a_suffix(acme: Any, globex: Any) -> None:
    with tenant_context(acme):
        default_storage.save("a.txt", ContentFile(b"first"))
        second = default_storage.save("a.txt", ContentFile(b"second"))
        assert second != "a.txt"
        with default_storage.open("a.txt") as file:
            assert file.read() == b"first"
    with tenant_context(globex):
        assert default_storage.save("a.txt", ContentFile(b"theirs")) == "a.txt"


def test_file_has_no_url(acme: Any) -> None:
    with tenant_context(acme), pytest.raises(NotImplementedError, match="a view that authorises"):
        default_storage.url(default_storage.save("a.txt", ContentFile(b"x")))


def test_other_storage_backend_for_all_tenants(acme: Any, settings: Any) -> None:
    memory = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
    settings.STORAGES = {**settings.STORAGES, "all_tenants": memory}
    with tenant_context(acme):
        default_storage.save("a.txt", ContentFile(b"x"))
        assert default_storage.exists("a.txt")
    assert _stored() == set()


@pytest.mark.usefixtures("provisioning")
def test_files_are_deleted_with_the_tenant() -> None:
    ours, theirs = (create_tenant(slug=slug, name=slug) for slug in ("acme", "globex"))
    for tenant in (ours, theirs):
        with tenant_context(tenant):
            for name in ("a.txt", "notes/b.txt", "notes/old/c.txt"):
                default_storage.save(name, ContentFile(b"x"))
    deprovision(ours)
    assert {name.partition("/")[0] for name in _stored()} == {str(theirs.id)}
    assert not (Path(django_settings.MEDIA_ROOT) / str(ours.id)).exists()
    deprovision(ours)
    provision(ours)


def test_delete_all_files_keeps_files_of_no_tenant(acme: Any) -> None:
    (Path(django_settings.MEDIA_ROOT) / "lost+found").mkdir()
    with tenant_context(acme):
        default_storage.save("a.txt", ContentFile(b"x"))
    delete_all_files()
    root = Path(django_settings.MEDIA_ROOT)
    assert [path.name for path in root.iterdir()] == ["lost+found"]
    (root / "lost+found").rmdir()


# Signed values


def test_signature_is_valid_for_its_tenant_and_purpose(acme: Any, globex: Any) -> None:
    with tenant_context(acme):
        signed = tenant_signer("unsubscribe").sign("7")
        assert tenant_signer("unsubscribe").unsign(signed, max_age=60) == "7"
        with pytest.raises(BadSignature):
            tenant_signer("reset").unsign(signed)
        with pytest.raises(SignatureExpired):
            tenant_signer("unsubscribe").unsign(signed, max_age=timedelta(0))
    with tenant_context(globex), pytest.raises(BadSignature):
        tenant_signer("unsubscribe").unsign(signed)
    with pytest.raises(NoTenantError):
        tenant_signer("unsubscribe")


# Locks


def _try_to_lock(tenant: Any, name: str) -> bool:
    """Return whether another thread gets the lock at once."""
    taken: list[bool] = []

    def work() -> None:
        try:
            with tenant_context(tenant), transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute("SET LOCAL lock_timeout = '100ms'")
                with tenant_lock(name):
                    taken.append(True)
        except DatabaseError:
            taken.append(False)
        finally:
            connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return taken == [True]


@pytest.mark.two_connections
@pytest.mark.django_db(transaction=True)
def test_lock_belongs_to_a_tenant(acme: Any, globex: Any) -> None:
    with tenant_context(acme), tenant_lock("invoice"):
        assert not _try_to_lock(acme, "invoice")
        assert _try_to_lock(acme, "report")
        assert _try_to_lock(globex, "invoice")
    assert _try_to_lock(acme, "invoice")


@pytest.mark.two_connections
@pytest.mark.django_db(transaction=True)
def test_lock_ends_with_its_transaction(acme: Any) -> None:
    with tenant_context(acme):
        with pytest.raises(ZeroDivisionError), tenant_lock("invoice"):
            1 / 0  # noqa: B018
        assert _try_to_lock(acme, "invoice")
        with transaction.atomic():
            with tenant_lock("invoice"):
                pass
            assert not _try_to_lock(acme, "invoice")
        assert _try_to_lock(acme, "invoice")


@pytest.mark.django_db(transaction=True)
def test_lock_serialises_work(acme: Any) -> None:
    busy: list[int] = []

    def work() -> int:
        with tenant_context(acme), tenant_lock("invoice"):
            busy.append(1)
            together = len(busy)
            busy.pop()
            return together

    assert at_once(8, work) == [1] * 8


def test_lock_requires_a_tenant() -> None:
    with pytest.raises(NoTenantError), tenant_lock("invoice"):
        pass


# Sessions


def _session(key: str | None = None) -> SessionStore:
    store: SessionStore = import_module(django_settings.SESSION_ENGINE).SessionStore(key)
    return store


def test_session_is_read_in_its_own_tenant(acme: Any, globex: Any) -> None:
    places: list[Any] = [tenant_context(acme), tenant_context(globex), nullcontext()]
    for home in places:
        with home:
            begun = _session()
            begun["who"] = "me"
            begun.save()
        for place in places:
            with place:
                found = _session(begun.session_key)
                assert found.get("who") == ("me" if place is home else None)
                assert found.session_key == (begun.session_key if place is home else None)


def test_session_is_not_written_from_another_tenant(acme: Any, globex: Any) -> None:
    with tenant_context(acme):
        begun = _session()
        begun["who"] = "me"
        begun.save()
    with tenant_context(globex):
        stray = _session(begun.session_key)
        stray["who"] = "you"
        stray.save()
        assert stray.session_key != begun.session_key
    with tenant_context(acme):
        assert _session(begun.session_key)["who"] == "me"


SESSIONS = SessionMiddleware(lambda request: HttpResponse(request.session.get("who", "nobody")))


@pytest.mark.parametrize("token", [False, True])
@pytest.mark.parametrize("host", ["acme.localhost", "globex.localhost", "localhost"])
@pytest.mark.parametrize("begun_on", ["acme", "globex", "shared"])
def test_cookie_is_ignored_on_another_host(
    begun_on: str, host: str, token: bool, sides: tuple[Side, Side], rf: RequestFactory
) -> None:
    """Also with a token: it names the tenant on a shared host, but opens no session of it."""
    ours, theirs = sides
    homes: dict[str, Any] = {
        "acme": tenant_context(ours.tenant),
        "globex": tenant_context(theirs.tenant),
    }
    with homes.get(begun_on, nullcontext()):
        begun = _session()
        begun["who"] = "me"
        begun.save()
    headers = {"Host": host}
    if token:
        side = theirs if host == "globex.localhost" else ours
        headers["Authorization"] = side.client._credentials["HTTP_AUTHORIZATION"]
    request = rf.get("/", headers=headers)
    request.COOKIES[django_settings.SESSION_COOKIE_NAME] = str(begun.session_key)
    answer = tenant_middleware(SESSIONS)(request).content.decode()
    at_home = host == (f"{begun_on}.localhost" if begun_on != "shared" else "localhost")
    assert answer == ("me" if at_home and not (token and host == "localhost") else "nobody")


# Settings


def test_settings_pass_the_checks() -> None:
    assert check_integrations(None) == []


@pytest.mark.parametrize(
    ("setting", "value", "complaint"),
    [
        ("CACHES", {"default": {}, "more": {}}, 'CACHES["more"] must set KEY_FUNCTION'),
        (
            "STORAGES",
            {"default": {"BACKEND": "django.core.files.storage.FileSystemStorage"}},
            'STORAGES["default"] must be a',
        ),
        ("SESSION_ENGINE", django_sessions.__name__, "SESSION_ENGINE must have the"),
        ("MIDDLEWARE", django_settings.MIDDLEWARE[::-1], "MIDDLEWARE must have, in this order"),
        ("MIDDLEWARE", django_settings.MIDDLEWARE[:-2], "MIDDLEWARE must have, in this order"),
    ],
)
def test_unsafe_settings_are_refused(
    setting: str, value: Any, complaint: str, settings: Any
) -> None:
    if setting == "CACHES":  # in addition to the existing ones
        value = {**settings.CACHES, "more": settings.CACHES["platform"]}
    setattr(settings, setting, value)
    assert [str(error.msg).startswith(complaint) for error in check_integrations(None)] == [True]


def test_platform_caches_need_no_tenant() -> None:
    for alias in django_settings.PLATFORM_CACHES:
        caches[alias].set("key", alias)
        keeps_nothing = isinstance(caches[alias], DummyCache)
        assert caches[alias].get("key") == (None if keeps_nothing else alias)
    with pytest.raises(NoTenantError):
        cache.get("key")
