"""Fixtures for tests of connections."""

from collections.abc import Iterator

import pytest
from django.db import connections

from apps.isolation.strategy.naming import physical_name
from apps.isolation.testing import pool


@pytest.fixture(autouse=True)
def reopened(request: pytest.FixtureRequest) -> Iterator[None]:
    """Reopen the connections that a test has closed.

    Django rolls back the connections that are open when a test begins. Rows that the next test
    writes over another connection would stay.
    """
    has_tenants = "new_tenant" in request.fixturenames
    if has_tenants:
        request.getfixturevalue("new_tenant")
    yield
    for tenant_id in pool._all if has_tenants else ():
        connections[physical_name(tenant_id)].ensure_connection()
