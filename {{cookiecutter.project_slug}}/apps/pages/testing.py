"""Browsers for tests of pages."""

from collections.abc import Callable

import pytest
from django.test import Client

from apps.isolation.testing import make_member
from apps.isolation.testing.people import PASSWORD
from apps.memberships.models import Membership
from apps.tenants.models import Tenant

ACCEPT = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}

type Visit = Callable[..., Client]
"""``visit(role, email="", tenant=acme)``."""


def browser(host: str = "acme.localhost", *, enforce_csrf_checks: bool = False) -> Client:
    """Return a browser without a log-in."""
    return Client(enforce_csrf_checks=enforce_csrf_checks, headers={"Host": host, **ACCEPT})


@pytest.fixture
def visit(acme: Tenant) -> Visit:
    """Return a function that returns a browser with a logged-in member."""

    def visit(role: str, email: str = "", tenant: Tenant = acme) -> Client:
        email = email or f"{role}@{tenant.slug}.test"
        if not Membership.objects.find(email, tenant).exists():
            make_member(tenant, role, email)
        client = browser(f"{tenant.slug}.localhost")
        assert client.post("/login/", {"email": email, "password": PASSWORD}).status_code == 302  # noqa: PLR2004, S101 - a fixture of tests
        return client

    return visit
