"""A tenant's name and settings: types, values and effects."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.test import AsyncRequestFactory
from django.utils import timezone, translation
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import RefreshToken

from apps.isolation.testing import api_client, make_member
from apps.tenants.middleware import activate_locale, locale_middleware
from apps.tenants.models import Tenant
from apps.tenants.settings import (
    BRAND_COLOR,
    BRAND_NAME,
    LOCALE,
    SESSION_HOURS,
    SETTINGS,
    TIMEZONE,
    TenantSettings,
)
from tests.isolation.conftest import run
from tests.support import at_once

PATH = "/api/v1/tenant/"
PASSWORD = "correct horse battery staple"
VALUES = {
    "timezone": "Europe/Berlin",
    "locale": "de",
    "brand_name": "Acme & Söhne",
    "brand_color": "#00ff7f",
    "session_hours": 8,
}


@pytest.fixture
def admin(acme: Tenant, client_of: Any) -> APIClient:
    client: APIClient = client_of(acme, "admin")
    return client


def test_every_setting_has_a_default(acme: Tenant, client_of: Any) -> None:
    body = client_of(acme, "viewer").get(PATH).json()
    assert body["settings"] == {setting.name: setting.default for setting in SETTINGS}
    assert {name: body[name] for name in ("slug", "name", "status", "domain")} == {
        "slug": "acme",
        "name": "Acme",
        "status": "active",
        "domain": "acme.localhost",
    }


def test_partial_update_of_settings(admin: APIClient, acme: Tenant) -> None:
    before = Tenant.objects.get().updated_at
    for name, value in VALUES.items():
        assert admin.patch(PATH, {"settings": {name: value}}).status_code == 200
    answer = admin.patch(PATH, {"name": "Acme Ltd", "slug": "stolen", "status": "suspended"})
    assert answer.json() == admin.get(PATH).json()
    acme.refresh_from_db()
    assert (acme.name, acme.slug, acme.status) == ("Acme Ltd", "acme", "active")
    assert answer.json()["settings"] == acme.settings == VALUES
    assert acme.updated_at > before


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("timezone", ["", "Nowhere/Else", "../../etc/passwd", 7, None]),
        ("locale", ["", "xx", "de_DE@x", None]),
        ("brand_name", ["two\nlines", "x" * 101, None, ["x"]]),
        ("brand_color", ["", "red", "#fff", "#12345g", "#123456\n;", None]),
        ("session_hours", [0, -1, 337, "long", 1.5, None]),
        ("unknown", ["x", 1, None]),
        ("__class__", ["x"]),
    ],
)
def test_unknown_settings_and_invalid_values_are_refused(
    name: str, values: list[Any], admin: APIClient, acme: Tenant
) -> None:
    for value in values:
        response = admin.patch(PATH, {"settings": {"brand_color": "#000000", name: value}})
        assert response.status_code == 400, value
        assert list(response.json()["settings"]) == [name]
    wholes: list[Any] = [[], "x", 7, None]
    for whole in wholes:
        assert admin.patch(PATH, {"settings": whole}).status_code == 400
    for bad in ("", " ", "a\r\nBcc: x@example.test", "x" * 256, None):
        assert admin.patch(PATH, {"name": bad}).status_code == 400, bad
    acme.refresh_from_db()
    assert (acme.settings, acme.name) == ({}, "Acme")


def test_settings_are_read_and_written_by_their_declaration(acme: Tenant, globex: Tenant) -> None:
    ours = TenantSettings(acme)
    ours.set(SESSION_HOURS, 8)
    ours.set(TIMEZONE, "Asia/Tokyo")
    acme.refresh_from_db()
    assert acme.settings == {"session_hours": 8, "timezone": "Asia/Tokyo"}
    hours: int = ours.get(SESSION_HOURS)
    assert (hours, TenantSettings(globex).get(TIMEZONE)) == (8, "UTC")
    with pytest.raises(ValidationError, match="type int"):
        ours.set(SESSION_HOURS, "8")  # type: ignore[type-var]
    with pytest.raises(ValidationError, match="Unknown locale"):
        ours.set(LOCALE, "xx")
    for setting in SETTINGS:
        ours.set(setting, setting.default)


@pytest.mark.django_db(transaction=True)
def test_concurrent_changes_are_all_kept(acme: Tenant) -> None:
    make_member(acme, "admin")
    client = api_client(acme, "admin@acme.test")
    for _ in range(3):
        Tenant.objects.update(settings={})
        left = iter(VALUES.items())

        def change(left: Any = left) -> int:
            return client.patch(PATH, {"settings": dict([next(left)])}).status_code

        assert at_once(len(VALUES), change) == [200] * len(VALUES)
        assert Tenant.objects.get().settings == VALUES
    Tenant.objects.update(settings={})
    writes = iter(
        [
            partial(TenantSettings(Tenant.objects.get()).set, BRAND_NAME, "x"),
            partial(TenantSettings(Tenant.objects.get()).set, BRAND_COLOR, "#000000"),
        ]
    )

    def write() -> None:
        next(writes)()

    at_once(2, write)
    assert Tenant.objects.get().settings == {"brand_name": "x", "brand_color": "#000000"}


def _answer(client: APIClient) -> tuple[str, str]:
    """Return the end of a timestamp, and an error message, from responses."""
    client.post("/api/v1/sample/shelves/", {"name": "first"})
    (shelf,) = client.get("/api/v1/sample/shelves/").json()["results"]
    complaint = client.post("/api/v1/sample/shelves/", {}).json()["name"][0]
    return shelf["created_at"][-6:], complaint


def test_responses_use_the_tenants_time_zone_and_language(
    acme: Tenant, globex: Tenant, client_of: Any
) -> None:
    for tenant, values in (
        (acme, {"timezone": "Asia/Tokyo", "locale": "de"}),
        (globex, {"timezone": "Asia/Kolkata", "locale": "fr"}),
    ):
        for name, value in values.items():
            setting = next(each for each in SETTINGS if each.name == name)
            TenantSettings(tenant).set(setting, value)
    for _ in range(2):
        ours, theirs = _answer(client_of(acme, "member")), _answer(client_of(globex, "member"))
        assert ours == ("+09:00", "Dieses Feld ist zwingend erforderlich.")
        assert theirs == ("+05:30", "Ce champ est obligatoire.")
        assert timezone.get_current_timezone_name() == "UTC"
        assert translation.get_language() == settings.LANGUAGE_CODE


def test_async_request_restores_time_zone_and_language(acme: Tenant) -> None:
    acme.settings = {"timezone": "Asia/Tokyo", "locale": "de"}

    async def view(request: HttpRequest) -> HttpResponse:
        activate_locale(acme)
        return HttpResponse(f"{timezone.get_current_timezone_name()} {translation.get_language()}")

    async def ask() -> tuple[bytes, str, str | None]:
        response: Any = await locale_middleware(view)(AsyncRequestFactory().get("/"))
        left = timezone.get_current_timezone_name(), translation.get_language()
        return response.content, *left

    assert run(ask()) == (b"Asia/Tokyo de", "UTC", settings.LANGUAGE_CODE)


def test_removed_time_zone_does_not_lock_a_tenant_out(acme: Tenant, client_of: Any) -> None:
    Tenant.objects.update(settings={"timezone": "Was/Renamed", "locale": "xx"})
    assert _answer(client_of(acme, "member"))[1] == "This field is required."


def test_session_hours_are_a_setting(acme: Tenant) -> None:
    make_member(acme, "member")
    for hours in (SESSION_HOURS.default, 8):
        TenantSettings(acme).set(SESSION_HOURS, hours)
        body = {"email": "member@acme.test", "password": PASSWORD}
        pair = api_client(acme).post("/api/v1/auth/token/", body).json()
        token = RefreshToken(pair["refresh"])
        assert token["exp"] - token["iat"] == timedelta(hours=hours).total_seconds()
