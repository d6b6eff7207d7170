"""A test case with two tenants."""

from collections.abc import Collection
from typing import Any

from django.core.management import call_command
from rest_framework.test import APIClient, APITestCase

from apps.isolation.context import tenant_context
from apps.isolation.testing import pool
from apps.isolation.testing.people import api_client, make_member, make_tenant


class TenantAPITestCase(APITestCase):
    """Base class for tests of the API with two tenants.

    ``self.tenant`` and ``self.other_tenant`` are the tenants; ``self.client_for(role)`` returns a
    client that is logged in as a member with that role.
    """

    databases = "__all__"
    tenant: Any
    other_tenant: Any
    _tenant_fixtures: Collection[str] | None = None

    @classmethod
    def setUpClass(cls) -> None:
        """Create storage for tenants before Django begins the transactions of the class."""
        pool.fill()
        # Django would load fixtures before a tenant exists.
        cls._tenant_fixtures, cls.fixtures = cls.fixtures, None
        super().setUpClass()

    @classmethod
    def setUpTestData(cls) -> None:
        """Create the tenants, once for all tests of the class."""
        cls.tenant = make_tenant("acme")
        cls.other_tenant = make_tenant("globex")
        if cls._tenant_fixtures:
            with tenant_context(cls.tenant):
                call_command("loaddata", *cls._tenant_fixtures, verbosity=0)

    def client_for(self, role: str, tenant: Any = None) -> APIClient:
        """Return a client that is logged in as a member of ``tenant``, by default the first."""
        tenant = tenant or self.tenant
        membership = tenant.memberships.filter(role=role).first() or make_member(tenant, role)
        return api_client(tenant, membership.user.email)
