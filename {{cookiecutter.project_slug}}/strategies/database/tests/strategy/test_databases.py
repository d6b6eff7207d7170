"""Databases, roles, connections and routers of tenants."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.contrib.contenttypes.models import ContentType
from django.contrib.postgres.signals import register_type_handlers
from django.core.management import CommandError, call_command
from django.db import (
    DEFAULT_DB_ALIAS,
    DatabaseError,
    OperationalError,
    connection,
    connections,
    router,
    transaction,
)
from django.db.backends.signals import connection_created
from django.db.migrations.loader import MigrationLoader
from django.utils.connection import ConnectionDoesNotExist

from apps.isolation import NoTenantError, WrongTenantError, tenant_context
from apps.isolation.app_registry import OWNER, SHARED_DB, as_owner, tables
from apps.isolation.context import ActiveTenant, activate_tenant
from apps.isolation.exceptions import ProvisioningError
from apps.isolation.fields import new_id
from apps.isolation.strategy.connections import owner_connection
from apps.isolation.strategy.databases import opened, password_of
from apps.isolation.strategy.naming import physical_name
from apps.isolation.strategy.provisioning import (
    deprovision,
    group_name,
    open_template,
    provision,
    provisioning_report,
    shared_database_name,
    template_name,
)
from apps.isolation.testing import breach, invariants, isolation_probe
from tests.pooler import pooler
from tests.sample.models import Shelf
from tests.support import run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def newcomer(tenant_storage: None) -> Iterator[ActiveTenant]:
    """Return a tenant that has no storage yet."""
    tenant = ActiveTenant(new_id())
    yield tenant
    deprovision(tenant)


def _as_owner(*statements: str, database: str = "") -> None:
    with owner_connection(database) as owner, owner.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@pytest.mark.parametrize("steps_done", range(4))
def test_provisioning_completes_a_killed_run(steps_done: int, newcomer: ActiveTenant) -> None:
    name = physical_name(newcomer.id)
    steps = (
        f"CREATE ROLE {name} IN ROLE {group_name()} ROLE CURRENT_USER",
        f"ALTER ROLE {name} LOGIN PASSWORD 'of an older secret'",
        f"CREATE DATABASE {name} TEMPLATE {template_name()}",
    )
    _as_owner(*steps[:steps_done])
    for _ in range(2):
        provision(newcomer)
        with activate_tenant(newcomer):
            assert isolation_probe().tenant == newcomer.id
            assert list(Shelf.objects.all()) == []
    with connections[SHARED_DB].cursor() as cursor:
        cursor.execute("SELECT has_database_privilege('public', %s, 'CONNECT')", [name])
        assert cursor.fetchone() == (False,)


def test_ct25_deprovisioning_leaves_nothing(newcomer: ActiveTenant) -> None:
    provision(newcomer)
    assert provisioning_report(newcomer).exists
    assert provisioning_report(newcomer).tables == len(tables(of_tenants=True)) + 2
    for _ in range(2):
        deprovision(newcomer)
        assert not provisioning_report(newcomer).exists
    with connections[SHARED_DB].cursor() as cursor:
        cursor.execute("SELECT FROM pg_roles WHERE rolname = %s", [physical_name(newcomer.id)])
        assert cursor.fetchone() is None


def test_unfinished_template_is_not_copied(newcomer: ActiveTenant) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        owner_connection() as owner,
        owner.cursor() as cursor,
        open_template(cursor),
    ):
        raise ZeroDivisionError
    with pytest.raises(ProvisioningError, match=r"run manage\.py migrate"):
        provision(newcomer)
    call_command("migrate", verbosity=0)
    provision(newcomer)


def test_too_long_name_is_refused() -> None:
    with pytest.raises(ProvisioningError, match="too long"):
        template_name("x" * 55)


def test_failed_migration_names_the_database_and_can_be_repeated(acme: Any) -> None:
    name = physical_name(acme.id)
    _as_owner("DELETE FROM django_migrations", database=name)
    with pytest.raises(CommandError, match=f"{name}: .* already exists"):
        call_command("migrate", verbosity=0)
    _as_owner(f"DROP TABLE {', '.join(tables(of_tenants=True))}", database=name)
    call_command("migrate", verbosity=0)
    with tenant_context(acme):
        assert Shelf.objects.create(name="works again").pk


def test_data_migration_uses_the_migrated_database(acme: Any) -> None:
    with owner_connection(physical_name(acme.id)) as owner, as_owner(owner.alias):
        historical: Any = MigrationLoader(owner).project_state().apps.get_model("sample", "Shelf")
        historical.objects.create(name="by a migration")
        with connection.cursor() as cursor:
            cursor.execute("SELECT name, current_user FROM sample_shelf")
            assert cursor.fetchall() == [("by a migration", owner.settings_dict["USER"])]
    with tenant_context(acme):
        assert Shelf.objects.get().name == "by a migration"


def test_ct05_tenants_role_connects_to_its_database_only(acme: Any, globex: Any) -> None:
    name, server = physical_name(acme.id), connections[SHARED_DB].get_connection_params()
    login = {"host": server["host"], "port": server["port"], "user": name}
    login["password"] = password_of(name)
    psycopg.connect(dbname=name, **login).close()
    for other in (physical_name(globex.id), shared_database_name()):
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(dbname=other, **login)
    login["password"] = password_of(physical_name(globex.id))
    with pytest.raises(psycopg.OperationalError, match="authentication failed"):
        psycopg.connect(dbname=name, **login)


def test_server_does_not_start_if_a_pooler_changes_the_role(acme: Any) -> None:
    name, group = physical_name(acme.id), group_name()
    local = {"DJANGO_SETTINGS_MODULE": "config.settings.local"}
    _as_owner(f"ALTER ROLE {name} SET role = '{group}'")
    try:
        # Bypass a pooler, whose connections exist already.
        with pooler(bytes) as address:
            done = run("-c", "import config.wsgi", DATABASE_URL=address, **local)
    finally:
        _as_owner(f"ALTER ROLE {name} RESET role")
    assert "does not reach PostgreSQL reliably" in done.stderr


def test_least_recently_used_connection_is_closed_first(
    acme: Any, globex: Any, settings: Any
) -> None:
    settings.TENANT_CONNECTIONS = 1
    for tenant in (acme, globex, acme):
        with tenant_context(tenant):
            assert not Shelf.objects.exists()
        assert list(opened.aliases) == [physical_name(tenant.id)]


def test_connection_in_a_transaction_stays_open(acme: Any, globex: Any, settings: Any) -> None:
    settings.TENANT_CONNECTIONS = 1
    with tenant_context(acme), transaction.atomic():
        Shelf.objects.create(name="kept")
        with tenant_context(globex):
            assert not Shelf.objects.exists()
    with tenant_context(acme):
        assert Shelf.objects.get().name == "kept"


def test_ct05_public_cannot_connect(acme: Any) -> None:
    invariant = invariants()["no role connects to another's database"]
    for database in (shared_database_name(), template_name(), physical_name(acme.id)):
        with breach(
            f'GRANT CONNECT ON DATABASE "{database}" TO PUBLIC',
            f'REVOKE CONNECT ON DATABASE "{database}" FROM PUBLIC',
        ):
            assert any(f"public may connect to {database}" in found for found in invariant())
    assert invariant() == []


# Violations in a tenant's database, created by its owner.
STRAYS = [
    (
        "each table is in its own database",
        "CREATE TABLE authentication_user ()",
        "DROP TABLE authentication_user",
    ),
    ("each table is in its own database", "CREATE TABLE breach ()", "DROP TABLE breach"),
    (
        "functions run with their caller's rights",
        "CREATE FUNCTION breach() RETURNS text SECURITY DEFINER LANGUAGE sql RETURN current_user",
        "DROP FUNCTION breach",
    ),
    (
        "tenants' roles have no powers",
        "GRANT TRUNCATE ON sample_book TO {}",
        "REVOKE TRUNCATE ON sample_book FROM {}",
    ),
]


@pytest.mark.parametrize(("invariant", "make", "repair"), STRAYS)
def test_ct05_invariants_are_checked_in_tenants_databases(
    invariant: str, make: str, repair: str, acme: Any
) -> None:
    name = physical_name(acme.id)
    _as_owner(make.format(name), database=name)
    try:
        assert [found for found in invariants()[invariant]() if name in found]
    finally:
        _as_owner(repair.format(name), database=name)
    assert invariants()[invariant]() == []


@pytest.mark.parametrize("lost", ["the database", "a table"])
def test_ct20_missing_storage_does_not_fall_back_to_shared_data(
    lost: str, newcomer: ActiveTenant
) -> None:
    provision(newcomer)
    if lost == "the database":
        deprovision(newcomer)
    else:
        _as_owner("DROP TABLE sample_shelf CASCADE", database=physical_name(newcomer.id))
    for ask in (Shelf.objects.count, lambda: Shelf.objects.create(name="x")):
        with activate_tenant(newcomer), pytest.raises(DatabaseError):
            ask()


def test_ct20_connection_is_usable_in_its_tenant_only(acme: Any, globex: Any) -> None:
    name = physical_name(acme.id)
    with tenant_context(acme), connections[name].cursor() as cursor:
        cursor.execute("SELECT 1")
    with connections[name].cursor() as cursor:
        with pytest.raises(NoTenantError):
            cursor.execute("SELECT 1")
        with tenant_context(globex):
            for send in (
                lambda: cursor.execute("SELECT 1"),
                lambda: cursor.executemany("SELECT %s", [[1]]),
                lambda: list(Shelf.objects.using(name).all()),
                lambda: Shelf(name="x").save(using=name),
            ):
                with pytest.raises(WrongTenantError):
                    send()


def test_ct20_transaction_on_the_wrong_database_is_refused(acme: Any, globex: Any) -> None:
    with transaction.atomic(), tenant_context(acme), pytest.raises(WrongTenantError, match="first"):
        Shelf.objects.create(name="x")
    with tenant_context(acme), transaction.atomic(), tenant_context(globex):
        assert not Shelf.objects.exists()
        with pytest.raises(WrongTenantError, match="enter the tenant first"):
            Shelf.objects.create(name="x")
    # With an explicit alias, the transaction is intended.
    with transaction.atomic(using=SHARED_DB), tenant_context(acme):
        Shelf.objects.create(name="x")


def test_ct18_object_stays_in_its_database(acme: Any, globex: Any) -> None:
    with tenant_context(acme):
        shelf = Shelf.objects.create(name="ours")
        assert shelf._state.db == physical_name(acme.id)
    with tenant_context(globex):
        with pytest.raises(WrongTenantError):
            shelf.save(using=physical_name(acme.id))
        with pytest.raises(WrongTenantError):
            shelf.save(using=physical_name(globex.id))


def test_ct25_template_has_no_rows(newcomer: ActiveTenant) -> None:
    plant = (
        "INSERT INTO sample_shelf (id, name, description, status, created_at, updated_at) "
        "VALUES (gen_random_uuid(), 'planted', '', 'open', now(), now())"
    )
    with pytest.raises(OperationalError, match="not currently accepting connections"):
        _as_owner(plant, database=template_name())
    # Rows of a data migration are deleted too.
    with owner_connection() as owner, owner.cursor() as cursor, open_template(cursor) as template:
        _as_owner(plant, database=template)
    provision(newcomer)
    with activate_tenant(newcomer):
        assert not Shelf.objects.exists()


def test_default_connection_delegates(acme: Any) -> None:
    assert connection.alias == SHARED_DB
    with tenant_context(acme):
        assert connection.alias == physical_name(acme.id)
        connection.force_debug_cursor = False
    assert set(connections) >= {SHARED_DB, OWNER, physical_name(acme.id)}
    assert "default" not in list(connections)


def test_migrations_are_checked_while_tenants_connections_are_open(acme: Any) -> None:
    with tenant_context(acme):
        assert not Shelf.objects.exists()
        assert router.allow_migrate(physical_name(acme.id), "sample")
    assert not router.allow_migrate(physical_name(acme.id), "sample")
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_generic_relations_use_shared_content_types(acme: Any) -> None:
    ContentType.objects.clear_cache()
    with tenant_context(acme):
        row = Shelf.objects.create(name="meant")
        types = ContentType.objects.db_manager(row._state.db)
        assert types.get_for_model(row).model_class() is Shelf


@pytest.mark.parametrize("alias", ["t_1", "t_" + "g" * 32, "t_" + "0" * 33, "tenant", "postgres"])
def test_unknown_alias_has_no_connection(alias: str) -> None:
    with pytest.raises(ConnectionDoesNotExist):
        connections[alias]


@pytest.mark.parametrize("is_entered", [False, True])
def test_receivers_of_connection_created_query_the_new_connection(
    is_entered: bool, acme: Any, globex: Any
) -> None:
    """Receivers of django.contrib.postgres query types."""
    alias = physical_name(acme.id)
    asked = []

    def ask(connection: Any, **kwargs: object) -> None:
        register_type_handlers(connection)
        for asking in (connection, connections[DEFAULT_DB_ALIAS]):
            with asking.cursor() as cursor:
                cursor.execute("SELECT current_database()")
                asked.append(cursor.fetchone())

    connection_created.connect(ask)
    try:
        with activate_tenant(ActiveTenant(globex.id) if is_entered else None):
            connections[alias].close()
            connections[alias].ensure_connection()
    finally:
        connection_created.disconnect(ask)
    assert asked == [(alias,), (alias,)]
