"""HSTS: names that browsers request over HTTPS only."""

from typing import Any

import pytest
from django.test import Client

from apps.tenants.hosts import is_platforms
from apps.tenants.models import Domain, Tenant
from tests.support import run
from tests.test_settings import PRODUCTION

ALONE = "max-age=60"
WITH_ALL_BELOW = "max-age=60; includeSubDomains; preload"
PLATFORMS = ["localhost", "acme.localhost", "ACME.localhost:8443", "acme.localhost.", "x.localhost"]
CUSTOMERS = ["customer.example", "Customer.example.", "www.customer.example", "notlocalhost", "a_b"]
PATHS = ["/login/", "/", "/nothing/", "/api/v1/me/", "/healthz/live", "/theme.css"]


@pytest.fixture(autouse=True)
def hosts(settings: Any, acme: Tenant) -> None:
    settings.SECURE_HSTS_SECONDS = 60
    settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = settings.SECURE_HSTS_PRELOAD = True
    Domain(tenant=acme, domain="customer.example").save()


def promise(host: str, path: str, **extra: Any) -> str:
    client = Client(headers={"Host": host})
    return str(client.get(path, **extra).headers.get("Strict-Transport-Security", ""))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("host", "promised"),
    [*((host, WITH_ALL_BELOW) for host in PLATFORMS), *((host, ALONE) for host in CUSTOMERS)],
)
def test_hsts_covers_platform_subdomains_only(host: str, promised: str, path: str) -> None:
    assert promise(host, path, secure=True) == promised


def test_no_hsts_without_tls() -> None:
    assert promise("customer.example", "/login/") == promise("localhost", "/") == ""


def test_no_hsts_for_custom_domains_if_disabled(settings: Any) -> None:
    settings.SECURE_HSTS_SECONDS = 0
    assert promise("customer.example", "/login/", secure=True) == ""


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("example.com", True),
        ("acme.example.com", True),
        ("api.platform.example", True),
        ("platform.example", False),
        ("evil-example.com", False),
        ("example.com.evil.example", False),
        ("com", False),
    ],
)
def test_hsts_of_platform_hosts(host: str, expected: bool, settings: Any) -> None:
    settings.SHARED_HOSTS, settings.TENANT_BASE_DOMAIN = ["api.platform.example"], "example.com"
    assert is_platforms(host) == expected


def test_hsts_of_static_files_in_production() -> None:
    """WhiteNoise responds before later middleware, which cannot add headers."""
    script = "from config.settings.production import MIDDLEWARE; print(*MIDDLEWARE[:3])"
    names = run("-c", script, **PRODUCTION).stdout.split()
    assert [name.rpartition(".")[2] for name in names] == [
        "SecurityMiddleware",
        "CustomerHostMiddleware",
        "WhiteNoiseMiddleware",
    ]
