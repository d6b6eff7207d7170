"""Objects that migrations create by SQL exist for existing tenants and for new ones."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db import models

from apps.isolation import tenant_context
from apps.isolation.models import TenantModel
from apps.isolation.strategy.provisioning import deprovision, provisioning_report
from apps.tenants.models import Tenant
from apps.tenants.services import create_tenant
from tests.deployment import Deployment
from tests.sample.models import Shelf

POSTGRES = '__import__("django.contrib.postgres.operations", fromlist=["x"])'

OPERATIONS = [
    # An extension and an object that needs it, in one migration and in two.
    f"""
    {POSTGRES}.TrigramExtension(),
    migrations.RunSQL(
        "CREATE INDEX shelf_by_trigram ON sample_shelf USING gin (name gin_trgm_ops)",
        "DROP INDEX shelf_by_trigram",
    ),
    migrations.RunSQL("CREATE EXTENSION IF NOT EXISTS citext", migrations.RunSQL.noop),
    """,
    f"""
    {POSTGRES}.CreateCollation("by_byte", locale="C"),
    migrations.AddField(
        "shelf",
        "code",
        models.CharField(max_length=9, db_collation="by_byte", default="", db_default="none"),
    ),
    migrations.RunSQL(
        "ALTER TABLE sample_shelf ADD COLUMN word citext DEFAULT 'Word'",
        "ALTER TABLE sample_shelf DROP COLUMN word",
    ),
    """,
    '''
    migrations.RunSQL(
        """
        CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN NEW.description := NEW.code || ' stamped'; RETURN NEW; END $$;
        CREATE TRIGGER stamp BEFORE INSERT ON sample_shelf
            FOR EACH ROW EXECUTE FUNCTION stamp();
        CREATE VIEW open_shelf WITH (security_invoker) AS
            SELECT * FROM sample_shelf WHERE word = 'WORD' AND status = 'open';
        """,
        "DROP VIEW open_shelf; DROP TRIGGER stamp ON sample_shelf; DROP FUNCTION stamp()",
    ),
    ''',
]


@pytest.fixture
def before(provisioning: None) -> Tenant:
    """Return a tenant that exists before the migrations."""
    return create_tenant(slug="before", name="Before")


@pytest.fixture
def open_shelf(before: Tenant) -> Iterator[Any]:
    """Return an unmanaged model for the view of the last migration."""

    class OpenShelf(TenantModel):
        name = models.CharField(max_length=200)
        description = models.TextField()

        class Meta:
            app_label = "sample"
            managed = False
            db_table = "open_shelf"

    yield OpenShelf
    del apps.all_models["sample"]["openshelf"]
    apps.clear_cache()


def test_existing_and_new_tenants_have_the_object(
    before: Tenant, deployment: Deployment, open_shelf: Any
) -> None:
    for operations in OPERATIONS:
        deployment.add(operations)
    deployment.migrate()
    deployment.migrate()
    after = create_tenant(slug="after", name="After")
    for tenant in (before, after):
        with tenant_context(tenant):
            Shelf.objects.create(name=tenant.slug)
            Shelf.objects.create(name="closed", status="closed")
    for tenant in Tenant.objects.all():
        with tenant_context(tenant):
            rows = list(open_shelf.objects.values_list("name", "description"))
            assert rows == [(tenant.slug, "none stamped")]
        assert provisioning_report(tenant).exists
    deprovision(after)
    with tenant_context(before):
        assert open_shelf.objects.count() == 1
