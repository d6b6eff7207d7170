"""The proxy's request for permission to obtain a certificate."""

from typing import Any

import pytest
from django.test import Client

from apps.tenants.models import SERVED, Status
from tests.support import statements

ASK = "/tls/allowed"
NOT_OURS = [
    "",
    "nobody.localhost",
    "xacme.localhost",
    "acme.localhost.evil.example",
    "*.localhost",
    "acme",
    "..",
    "a" * 300,
    "acme.localhost\0",
    "acme.localhost' OR '1'='1",
]


def _ask(domain: str, host: str = "localhost") -> int:
    return Client(headers={"Host": host}).get(ASK, {"domain": domain}).status_code


@pytest.mark.django_db
@pytest.mark.parametrize("domain", ["acme.localhost", "ACME.localhost", "acme.localhost."])
def test_domain_of_an_active_tenant_is_allowed(acme: Any, domain: str) -> None:
    with statements() as sent:
        assert _ask(domain) == 200
    assert len(sent) == 1


def test_shared_host_is_allowed_without_a_query() -> None:
    assert _ask("localhost") == 200


@pytest.mark.django_db
@pytest.mark.parametrize("domain", NOT_OURS)
def test_other_names_are_refused(acme: Any, domain: str) -> None:
    assert _ask(domain) == 404


@pytest.mark.django_db
@pytest.mark.parametrize("status", sorted(set(Status) - set(SERVED)))
def test_domain_of_an_inactive_tenant_is_refused(acme: Any, status: Status) -> None:
    acme.status = status
    acme.save()
    assert _ask("acme.localhost") == 404


@pytest.mark.django_db
def test_route_is_on_shared_hosts_only(acme: Any) -> None:
    assert _ask("acme.localhost", host="acme.localhost") == 404
    assert Client(headers={"Host": "localhost"}).post(ASK).status_code == 405
