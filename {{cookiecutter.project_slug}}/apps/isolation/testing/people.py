"""Creates tenants, members, and their clients."""

from http import HTTPStatus
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from rest_framework.test import APIClient

from apps.isolation.testing import pool

PASSWORD = "correct horse battery staple"  # noqa: S105 - of users who live for one test
API = "/api/v1/"


def make_tenant(slug: str, **fields: Any) -> Any:
    """Return a new active tenant with the domain ``<slug>.localhost`` and empty storage."""
    fields = {"name": slug.title(), "status": "active"} | fields
    tenant = apps.get_model("tenants.Tenant")(id=pool.take(), slug=slug, **fields)
    tenant.save()
    apps.get_model("tenants.Domain")(
        tenant=tenant, domain=f"{slug}.localhost", is_primary=True
    ).save()
    return tenant


def make_member(tenant: Any, role: str, email: str = "") -> Any:
    """Return a new membership of ``tenant``, with a new user unless the address has one."""
    email = email or f"{role}@{tenant.slug}.test"
    users = get_user_model().objects
    user = users.filter(email=email).first() or users.create_user(email, PASSWORD)
    membership = apps.get_model("memberships.Membership")(tenant=tenant, user=user, role=role)
    membership.save()
    return membership


def api_client(tenant: Any, email: str = "") -> APIClient:
    """Return a client of a tenant's host; with an address, one that is logged in over HTTP."""
    client = APIClient(headers={"Host": f"{tenant.slug}.localhost"})
    if email:
        body = {"email": email, "password": PASSWORD}
        response = client.post(f"{API}auth/token/", body)
        if response.status_code != HTTPStatus.OK:
            raise AssertionError(f"{email} cannot log in: {response.content!r}")
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {response.json()['access']}")
    return client
