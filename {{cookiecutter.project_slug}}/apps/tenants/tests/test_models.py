"""Constraints on tenants and domains in the database."""

from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, connections, transaction
from django.db.models import ProtectedError

from apps.isolation import NoTenantError
from apps.isolation.app_registry import SHARED_DB
from apps.isolation.testing import make_member
from apps.tenants.models import Domain, Tenant

WRONG: dict[str, Callable[[Tenant], Any]] = {
    "tenant_status_is_known": lambda acme: Tenant.objects.update(status="asleep"),
    "tenant_slug_is_lower_case": lambda acme: Tenant.objects.update(slug="Acme"),
    "tenants_tenant_slug": lambda acme: Tenant(slug="acme", name="Another").save(),
    "domain_is_lower_case": lambda acme: Domain.platform.update(domain="Acme.localhost"),
    "domain_one_primary_per_tenant": lambda acme: Domain(
        tenant=acme, domain="acme.example", is_primary=True
    ).save(),
    "tenants_domain_domain": lambda acme: Domain(tenant=acme, domain="acme.localhost").save(),
}


@pytest.mark.parametrize("constraint", WRONG)
def test_database_refuses(constraint: str, acme: Tenant) -> None:
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic(using=SHARED_DB):
        WRONG[constraint](acme)


# Indexes of the project's tables that another index makes redundant, as it has the same prefix.
REDUNDANT = """
    SELECT one.indexrelid::regclass FROM pg_index one JOIN pg_index more
        ON more.indrelid = one.indrelid AND more.indexrelid <> one.indexrelid
    WHERE one.indpred IS NULL AND more.indpred IS NULL AND NOT one.indisunique
        AND one.indexprs IS NULL AND more.indexprs IS NULL
        AND starts_with(more.indkey::text || ' ', one.indkey::text || ' ')
        AND starts_with(more.indclass::text || ' ', one.indclass::text || ' ')
        AND one.indrelid::regclass::text = ANY (%s)
"""


def test_no_index_is_a_prefix_of_another(db: None) -> None:
    own = [model._meta.db_table for model in apps.get_models() if "apps." in model.__module__]
    with connections[SHARED_DB].cursor() as cursor:
        cursor.execute(REDUNDANT, [own])
        assert cursor.fetchall() == []


def test_tenant_may_have_several_domains(acme: Tenant) -> None:
    Domain(tenant=acme, domain="acme.example").save()
    Domain(tenant=acme, domain="acme.test").save()
    assert Domain.objects.for_tenant(acme).filter(is_primary=True).get().domain == "acme.localhost"


@pytest.mark.parametrize("has_members", [True, False])
def test_tenant_with_members_or_domains_cannot_be_deleted(has_members: bool, acme: Tenant) -> None:
    if has_members:
        make_member(acme, "member")
        Domain.objects.for_tenant(acme).delete()
    # Django first queries rows that refer to the tenant, which needs the tenant to be active.
    with pytest.raises((ProtectedError, NoTenantError)):
        Tenant.objects.filter(pk=acme.pk).delete()
    assert Tenant.objects.get() == acme


@pytest.mark.parametrize(
    ("status", "usable"),
    [("preparing", False), ("active", True), ("suspended", False), ("archived", False)],
)
def test_only_an_active_tenant_is_usable(status: str, usable: bool) -> None:
    assert Tenant(status=status).is_usable is usable


def test_new_tenant_is_not_usable() -> None:
    assert Tenant(slug="acme").status == "preparing"


def test_str(acme: Tenant) -> None:
    assert [str(acme), str(Domain.platform.get())] == ["Acme", "acme.localhost"]
