"""Names, creation and deletion of tenants (CT19, CT25)."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import DatabaseError

from apps.isolation import tenant_context
from apps.isolation.integrations.cache import clear_all_caches
from apps.isolation.strategy.provisioning import deprovision, provisioning_report
from apps.isolation.testing import api_client, make_member
from apps.tenants.models import Domain, Tenant
from apps.tenants.services import create_tenant
from tests.isolation.rows import MODELS, make_row

pytestmark = pytest.mark.usefixtures("provisioning")

# Each is dangerous in some kind of name: in SQL, as a name of PostgreSQL, in paths, in hosts, or as
# another tenant's name after truncation or normalisation.
HOSTILE = [
    "",
    " acme",
    "ACME",
    "acme\n",
    "acme\0",
    "ａcme",  # noqa: RUF001 - is acme after Unicode's compatibility normalisation
    "acme.globex",
    "../acme",
    "acme'; DROP SCHEMA public CASCADE; --",
    "public', 'acme",
    'acme"',
    "$user",
    "pg_catalog",
    "public",
    "admin",
    "-acme",
    "xn--acme",
    "x" * 64,
]
# Valid slugs: names of PostgreSQL objects, and slugs of the maximum length.
ODD = ["postgres", "template1", "information-schema", "x" * 63, "x" * 62 + "y"]
PHYSICAL = re.compile(r"(t_[0-9a-f]{32}|[0-9a-f-]{36})")


def _known() -> tuple[set[str], set[str]]:
    return (
        set(Tenant.objects.values_list("slug", flat=True)),
        set(Domain.platform.values_list("domain", flat=True)),
    )


@pytest.mark.parametrize("slug", HOSTILE, ids=repr)
def test_ct19_hostile_name_is_refused_everywhere(slug: str) -> None:
    Tenant(slug="acme", name="Acme").save()
    before = _known()
    with pytest.raises(ValidationError):
        Tenant(slug=slug, name="x").full_clean()
    with pytest.raises(ValidationError):
        create_tenant(slug=slug, name="x")
    with pytest.raises(CommandError):
        call_command("create_tenant", slug)
    assert _known() == before


@pytest.mark.parametrize("slug", HOSTILE, ids=repr)
def test_ct19_unvalidated_name_becomes_no_identifier(slug: str) -> None:
    """Code may save a row without validation. The database refuses it, or it is harmless."""
    tenant = Tenant(slug=slug, name="x", status="active")
    try:
        tenant.save()
    except (DatabaseError, ValueError):
        assert not Tenant.objects.exists()
        return
    assert PHYSICAL.fullmatch(provisioning_report(tenant).name)


def test_ct19_similar_names_have_separate_storage() -> None:
    tenants = [create_tenant(slug=slug, name=slug) for slug in ODD]
    names = [provisioning_report(tenant).name for tenant in tenants]
    assert all(PHYSICAL.fullmatch(name) for name in names)
    assert len(set(names)) == len(ODD)
    for tenant in tenants:
        assert tenant.pk.hex in provisioning_report(tenant).name.replace("-", "")


def test_ct19_admin_form_renames_no_storage(admin_client: Any) -> None:
    tenant = create_tenant(slug="acme", name="Acme")
    admin_client.defaults["HTTP_HOST"] = "localhost"
    form = admin_client.get(f"/admin/tenants/tenant/{tenant.pk}/change/")
    assert form.status_code == 200
    offered = form.context["adminform"].form.fields
    assert not [name for name in offered if name in {"id", "slug"} or name.endswith("_name")]
    assert admin_client.get("/admin/tenants/tenant/add/").status_code == 403


@pytest.fixture
def rows_of() -> Any:
    """Return a function that returns the ids of a tenant's rows, by model."""

    def rows_of(tenant: Tenant) -> dict[str, set[Any]]:
        with tenant_context(tenant):
            return {m._meta.label: set(m.objects.values_list("pk", flat=True)) for m in MODELS}

    return rows_of


@pytest.fixture
def neighbour(rows_of: Any) -> Iterator[Tenant]:
    """Return a tenant with rows, and check afterwards that they are unchanged."""
    tenant = create_tenant(slug="globex", name="Globex")
    with tenant_context(tenant):
        for model in MODELS:
            make_row(model)
    before = rows_of(tenant)
    yield tenant
    assert rows_of(tenant) == before
    assert all(before.values())


def test_ct25_new_tenant_is_empty(neighbour: Tenant, rows_of: Any) -> None:
    tenant = create_tenant(slug="acme", name="Acme")
    assert not any(rows_of(tenant).values())


def test_ct25_unfinished_tenant_is_completed_by_the_next_run() -> None:
    """``apps/tenants/tests/test_killed.py`` kills real processes."""
    tenant = Tenant(slug="acme", name="Acme")
    tenant.save()
    Domain(tenant=tenant, domain="acme.localhost", is_primary=True).save()
    response = api_client(tenant).get("/api/v1/sample/shelves/")
    assert (response.status_code, response.json()["code"]) == (503, "tenant_not_ready")
    assert create_tenant(slug="acme", name="Acme").pk == tenant.pk
    membership = make_member(tenant, "member")
    client = api_client(tenant, membership.user.email)
    assert client.get("/api/v1/sample/shelves/").json()["results"] == []


def test_ct25_deleted_tenant_leaves_nothing(neighbour: Tenant, rows_of: Any) -> None:
    tenant = create_tenant(slug="acme", name="Acme")
    with tenant_context(tenant):
        for model in MODELS:
            make_row(model)
    assert all(rows_of(tenant).values())
    size = provisioning_report(tenant).size
    deprovision(tenant)
    report = provisioning_report(tenant)
    assert size > report.size == 0
    assert report.tables == 0
    with tenant_context(tenant):
        for model in MODELS:
            try:
                assert not model.objects.exists()
            except DatabaseError:
                continue


def test_ct25_reused_slug_reaches_no_old_data(neighbour: Tenant, rows_of: Any) -> None:
    first = create_tenant(slug="acme", name="Acme")
    membership = make_member(first, "owner")
    client = api_client(first, membership.user.email)
    assert client.post("/api/v1/sample/shelves/", {"name": "CANARY"}).status_code == 201
    name = provisioning_report(first).name
    deprovision(first)
    Domain.objects.for_tenant(first).delete()
    Tenant.objects.filter(pk=first.pk).update(slug="gone", status="archived")
    second = create_tenant(slug="acme", name="Acme")
    assert second.pk != first.pk
    assert provisioning_report(second).name != name
    assert not any(rows_of(second).values())
    make_member(second, "owner", membership.user.email)
    for _ in range(2):
        assert client.get("/api/v1/sample/shelves/").status_code in {401, 403}
        # The cached host may lead to the deleted tenant for half a minute.
        clear_all_caches()
    fresh = api_client(second, membership.user.email)
    assert fresh.get("/api/v1/sample/shelves/").json()["results"] == []
