"""``createcachetable``: a table without a model, which must be listed as reviewed."""

from typing import Any

import pytest
from django.core.cache import caches
from django.core.management import call_command
from django.db import connections

from apps.isolation import tenant_context
from apps.isolation.app_registry import OWNER
from apps.isolation.checks import violations

TABLE = "cache_of_all"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cache_table(settings: Any) -> Any:
    database = {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": TABLE}
    settings.CACHES = settings.CACHES | {"kept": settings.CACHES["default"] | database}
    call_command("createcachetable", verbosity=0)
    yield
    with connections[OWNER].cursor() as cursor:
        cursor.execute(f"DROP TABLE {TABLE}")


def test_cache_table_is_a_violation_until_listed(cache_table: None, settings: Any) -> None:
    assert [TABLE in found for found in violations()] == [True]
    settings.TABLES_WITHOUT_MODELS = ["public.other"]
    assert [TABLE in found for found in violations()] == [True]
    settings.TABLES_WITHOUT_MODELS = [f"public.{TABLE}"]
    assert violations() == []


def test_cached_values_belong_to_a_tenant(cache_table: None, acme: Any, globex: Any) -> None:
    for tenant in (acme, globex):
        with tenant_context(tenant):
            assert caches["kept"].get("whose") is None
            caches["kept"].set("whose", tenant.slug)
    for tenant in (acme, globex):
        with tenant_context(tenant):
            assert caches["kept"].get("whose") == tenant.slug
