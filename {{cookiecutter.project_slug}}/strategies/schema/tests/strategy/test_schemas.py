"""Schemas of tenants, and the search path."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command, get_commands
from django.db import ProgrammingError, connection, connections
from django_tenants import utils

from apps.isolation import ActiveTenant
from apps.isolation.app_registry import OWNER
from apps.isolation.context import activate_tenant
from apps.isolation.fields import new_id
from apps.isolation.fleet.drift import parts_of
from apps.isolation.strategy.naming import TEMPLATE, physical_name
from apps.isolation.strategy.provisioning import deprovision, provision, provisioning_report
from apps.isolation.testing import breach, invariants
from tests.sample.models import Shelf


@pytest.mark.django_db(transaction=True)
def test_new_schema_equals_the_template() -> None:
    tenant = ActiveTenant(new_id())
    provision(tenant)
    try:
        name = physical_name(tenant.id)
        parts = parts_of(connections[OWNER], [TEMPLATE, name])
        assert parts[name] == parts[TEMPLATE] != frozenset()
    finally:
        deprovision(tenant)


@pytest.mark.django_db(transaction=True)
def test_provisioning_and_destroying_are_idempotent() -> None:
    tenant = ActiveTenant(new_id())
    for _ in range(2):
        provision(tenant)
        assert provisioning_report(tenant).exists
    for _ in range(2):
        deprovision(tenant)
        assert not provisioning_report(tenant).exists


@pytest.mark.django_db(transaction=True)
def test_provisioning_copies_the_applied_migrations() -> None:
    tenant = ActiveTenant(new_id())
    provision(tenant)
    try:
        with activate_tenant(tenant), connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM django_migrations WHERE app = 'sample'")
            assert cursor.fetchone() != (0,)
    finally:
        deprovision(tenant)


@pytest.mark.django_db(transaction=True)
def test_ct25_rows_of_the_template_are_not_copied() -> None:
    tenant = ActiveTenant(new_id())
    row = "(id, name, description, status, created_at, updated_at)"
    with connections[OWNER].cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {TEMPLATE}.sample_shelf {row} "
            "VALUES (gen_random_uuid(), 'planted', '', 'open', now(), now())"
        )
        try:
            provision(tenant)
            with activate_tenant(tenant):
                assert not Shelf.objects.exists()
        finally:
            deprovision(tenant)
        # Rows of a data migration are deleted too.
        call_command("migrate", verbosity=0)
        cursor.execute(f"SELECT count(*) FROM {TEMPLATE}.sample_shelf")
        assert cursor.fetchone() == (0,)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("lost", ["SCHEMA {}", "TABLE {}.sample_shelf"])
def test_ct20_missing_storage_does_not_fall_back_to_shared_data(lost: str) -> None:
    tenant = ActiveTenant(new_id())
    provision(tenant)
    try:
        with connections[OWNER].cursor() as cursor:
            cursor.execute(f"DROP {lost.format(physical_name(tenant.id))} CASCADE")
        for ask in (Shelf.objects.count, lambda: Shelf.objects.create(name="x")):
            with activate_tenant(tenant), pytest.raises(ProgrammingError, match="does not exist"):
                ask()
    finally:
        deprovision(tenant)


@pytest.mark.django_db
def test_ct20_search_path_is_the_tenants_schema_and_public(acme: Any, globex: Any) -> None:
    for tenant in (acme, globex):
        with activate_tenant(ActiveTenant(tenant.id)), connection.cursor() as cursor:
            cursor.execute("SELECT current_schemas(false)")
            assert cursor.fetchone() == ([physical_name(tenant.id), "public"],)
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schemas(false)")
        assert cursor.fetchone() == (["public"],)


# All of django-tenants' ways to enter a tenant, or to read the current one.
SWITCHES: dict[str, Callable[[Any], object]] = {
    "connection.set_tenant": lambda tenant: _wrapper().set_tenant(tenant),
    "connection.set_schema": lambda tenant: _wrapper().set_schema(tenant.schema_name),
    "connection.set_schema_to_public": lambda tenant: _wrapper().set_schema_to_public(),
    "connection.tenant": lambda tenant: _wrapper().tenant,
    "tenant_context": lambda tenant: utils.tenant_context(tenant).__enter__(),
    "tenant_context of a connection": lambda tenant: utils.tenant_context(
        tenant, database="default"
    ).__enter__(),
    "schema_context": lambda tenant: utils.schema_context(tenant.schema_name).__enter__(),
    "with tenant": lambda tenant: tenant.__enter__(),
    "activate": lambda tenant: tenant.activate(),
    "deactivate": lambda tenant: tenant.deactivate(),
    "deactivate the class": lambda tenant: type(tenant).deactivate(),
    "create_schema": lambda tenant: tenant.create_schema(),
    "get_current_tenant": lambda tenant: utils.get_current_tenant("default"),
}


def _wrapper() -> Any:
    return connection


@pytest.mark.django_db
@pytest.mark.parametrize("switch", SWITCHES)
def test_ct20_django_tenants_context_managers_are_refused(switch: str, acme: Any) -> None:
    owner: Any = connections[OWNER]
    with pytest.raises(NotImplementedError, match=r"with apps\.isolation\."):
        SWITCHES[switch](acme)
    assert owner.schema_name == "public"
    with activate_tenant(ActiveTenant(acme.id)):
        assert _wrapper().schema_name == physical_name(acme.id)


def test_ct20_django_tenants_commands_are_not_installed() -> None:
    assert "django_tenants" not in get_commands().values()
    for name in ("tenant_command", "all_tenants_command", "clone_tenant", "migrate_schemas"):
        with pytest.raises(CommandError, match="Unknown command"):
            call_command(name)


@pytest.mark.django_db
def test_deleting_a_tenants_row_keeps_its_schema(acme: Any) -> None:
    acme.domains.all().delete()
    acme.delete()
    assert provisioning_report(ActiveTenant(UUID(acme.schema_name.removeprefix("t_")))).exists


# Further violations, besides the breach of each clause.
BREACHES = [
    (
        "tenant tables are in no other schema",
        "CREATE VIEW public.sample_book AS SELECT 1 AS id",
        "DROP VIEW public.sample_book",
    ),
    (
        "views show the tenant's rows only",
        "CREATE MATERIALIZED VIEW public.breach AS SELECT * FROM {ours}.sample_book",
        "DROP MATERIALIZED VIEW public.breach",
    ),
    (
        "views show the tenant's rows only",
        "CREATE VIEW {ours}.breach AS SELECT * FROM {theirs}.sample_book",
        "DROP VIEW {ours}.breach",
    ),
    (
        "no other schema refers to a tenant's",
        "ALTER TABLE {ours}.sample_book ADD breach uuid REFERENCES {theirs}.sample_book",
        "ALTER TABLE {ours}.sample_book DROP breach",
    ),
    (
        "no other schema refers to a tenant's",
        """CREATE SEQUENCE {theirs}.breach;
        ALTER TABLE {ours}.sample_book ADD breach bigint DEFAULT nextval('{theirs}.breach')""",
        "ALTER TABLE {ours}.sample_book DROP breach; DROP SEQUENCE {theirs}.breach",
    ),
    ("every table is a model's", "CREATE TABLE {ours}.breach ()", "DROP TABLE {ours}.breach"),
]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("invariant", "make", "repair"), BREACHES)
def test_ct21_invariant_finds_other_violations(
    invariant: str, make: str, repair: str, acme: Any, globex: Any
) -> None:
    names = {"ours": physical_name(acme.id), "theirs": physical_name(globex.id)}
    with breach(make.format(**names), repair.format(**names)):
        assert invariants()[invariant]() != []
    assert invariants()[invariant]() == []


@pytest.mark.django_db
def test_wrapper_reports_the_active_schema(acme: Any) -> None:
    wrapper: Any = connection
    assert wrapper.schema_name == "public"
    with activate_tenant(ActiveTenant(acme.id)):
        assert wrapper.schema_name == physical_name(acme.id)


def test_server_side_binding_is_refused(monkeypatch: Any) -> None:
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "server_side_binding", True)
    with pytest.raises(ImproperlyConfigured, match="server_side_binding"):
        connection.get_connection_params()


@pytest.mark.django_db(transaction=True)
def test_reviewed_objects_of_the_template_are_reviewed_in_tenants(acme: Any, settings: Any) -> None:
    schema = physical_name(acme.id)
    function = f"FUNCTION {schema}.report() RETURNS text SECURITY DEFINER LANGUAGE sql RETURN 'x'"
    found = {name: invariants()[name] for name in invariants() if name.startswith(("fun", "every"))}
    with breach(
        f"CREATE TABLE {schema}.report (); CREATE {function}",
        f"DROP TABLE {schema}.report; DROP FUNCTION {schema}.report",
    ):
        assert sorted(name for each in found.values() for name in each()) == [
            f"{schema}.report",
            f"{schema}.report()",
        ]
        settings.TABLES_WITHOUT_MODELS = ["public.report"]
        settings.SECURITY_DEFINER_FUNCTIONS = ["public.report()"]
        assert all(each() for each in found.values())
        settings.TABLES_WITHOUT_MODELS = [f"{TEMPLATE}.report"]
        settings.SECURITY_DEFINER_FUNCTIONS = [f"{TEMPLATE}.report()"]
        assert [each() for each in found.values()] == [[], []]
