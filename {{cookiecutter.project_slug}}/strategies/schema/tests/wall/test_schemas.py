"""What is this wall's own: schemas, and the search path that leads to them."""

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, connections, transaction

from apps.isolation import ActiveTenant, deprovision, new_id, provision, storage_report
from apps.isolation.context import activate
from apps.isolation.placement import OWNER
from apps.isolation.schemas import TEMPLATE, schema_name
from apps.isolation.storage import ProvisioningError

# Everything of a schema that migrations make, in words that do not name the schema.
SHAPE = """
SELECT 'column', table_name, column_name, data_type, is_nullable, column_default, is_identity
FROM information_schema.columns WHERE table_schema = %(schema)s
UNION ALL
SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', '', ''
FROM pg_constraint WHERE connamespace = %(schema)s::regnamespace AND contype <> 'n'
UNION ALL
SELECT 'index', tablename, indexname, indexdef, '', '', '' FROM pg_indexes
WHERE schemaname = %(schema)s
ORDER BY 1, 2, 3
"""


def _shape(schema: str) -> list[Any]:
    with connections[OWNER].cursor() as cursor:
        cursor.execute(SHAPE, {"schema": schema})
        return [
            tuple(str(value).replace(f"{schema}.", "") for value in row)
            for row in cursor.fetchall()
        ]


@pytest.mark.django_db(transaction=True)
def test_a_new_schema_has_the_shape_of_the_template() -> None:
    tenant = ActiveTenant(new_id())
    provision(tenant)
    try:
        assert _shape(schema_name(tenant.id)) == _shape(TEMPLATE) != []
    finally:
        deprovision(tenant)


@pytest.mark.django_db(transaction=True)
def test_provisioning_twice_and_destroying_twice_do_no_harm() -> None:
    tenant = ActiveTenant(new_id())
    for _ in range(2):
        provision(tenant)
        assert storage_report(tenant).exists
    for _ in range(2):
        deprovision(tenant)
        assert not storage_report(tenant).exists


@pytest.mark.django_db(transaction=True)
def test_provisioning_copies_the_applied_migrations_too() -> None:
    tenant = ActiveTenant(new_id())
    provision(tenant)
    try:
        with activate(tenant), connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM django_migrations WHERE app = 'projects'")
            assert cursor.fetchone() != (0,)
    finally:
        deprovision(tenant)


@pytest.mark.django_db(transaction=True)
def test_what_a_copy_would_lack_is_refused() -> None:
    tenant = ActiveTenant(new_id())
    with connections[OWNER].cursor() as cursor:
        cursor.execute(f"CREATE VIEW {TEMPLATE}.a_view AS SELECT 1")
        try:
            with pytest.raises(ProvisioningError, match="a_view"):
                provision(tenant)
        finally:
            cursor.execute(f"DROP VIEW {TEMPLATE}.a_view")
    assert not storage_report(tenant).exists


@pytest.mark.django_db
def test_a_missing_schema_is_an_error_and_not_the_catalogue(acme: Any) -> None:
    from apps.projects.models import Project  # noqa: PLC0415 - a platform test of the product

    with activate(ActiveTenant(new_id())), transaction.atomic():
        with pytest.raises(Exception, match='relation "projects_project" does not exist'):
            Project.objects.count()
        transaction.set_rollback(True)


@pytest.mark.django_db
def test_django_tenants_own_switch_is_refused(acme: Any) -> None:
    wrapper: Any = connection
    for switch in (wrapper.set_tenant, wrapper.set_schema):
        with pytest.raises(NotImplementedError, match="tenant_context"):
            switch(acme)


@pytest.mark.django_db
def test_the_wrapper_tells_the_active_schema(acme: Any) -> None:
    wrapper: Any = connection
    assert wrapper.schema_name == "public"
    with activate(ActiveTenant(acme.id)):
        assert wrapper.schema_name == schema_name(acme.id)


def test_an_option_that_leaves_statements_alone_is_refused(monkeypatch: Any) -> None:
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "server_side_binding", True)
    with pytest.raises(ImproperlyConfigured, match="server_side_binding"):
        connection.get_connection_params()
