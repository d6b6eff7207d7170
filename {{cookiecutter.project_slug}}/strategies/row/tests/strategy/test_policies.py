"""Policies and composite keys, for the run-time role and for the owner."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, connection, connections, migrations, models
from django.db.migrations.state import ModelState, ProjectState
from django.db.utils import ProgrammingError

from apps.isolation import SharedJoinError, WrongTenantError
from apps.isolation import tenant_context as entering
from apps.isolation.app_registry import OWNER, as_owner
from apps.isolation.fields import new_id
from apps.isolation.postgresql.grants import runtime_role
from apps.isolation.strategy import provisioning
from apps.isolation.strategy.policies import POLICY, PREDICATE
from apps.isolation.strategy.provisioning import deprovision, provisioning_report
from apps.isolation.testing import breach, invariants
from tests.isolation.rows import each_model
from tests.sample.models import Book, Label, Labelling, Shelf
from tests.support import manage

INSERT = "INSERT INTO sample_shelf (id, tenant_id, name, description, status, created_at, \
updated_at) VALUES (%s, %s, %s, '', 'open', now(), now())"


def _as_owner(sql: str, *params: Any) -> list[Any]:
    with connections[OWNER].cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def two_shelves(acme: Any, globex: Any, transactional_db: None) -> None:
    for tenant in (acme, globex):
        with entering(tenant):
            Shelf.objects.create(name=tenant.slug)


def test_raw_sql_finds_the_tenants_rows_only(two_shelves: None, acme: Any, globex: Any) -> None:
    for tenant in (acme, globex):
        with entering(tenant), connection.cursor() as cursor:
            cursor.execute("SELECT name FROM sample_shelf")
            assert cursor.fetchall() == [(tenant.slug,)]
            cursor.execute("UPDATE sample_shelf SET description = 'seen'")
            assert cursor.rowcount == 1
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM sample_shelf")
        assert cursor.rowcount == 0


def test_tenant_is_deleted_from_tables_of_any_name(
    two_shelves: None, acme: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "Odd table"
    make = f'CREATE TABLE "{name}" (tenant_id uuid); GRANT ALL ON "{name}" TO {runtime_role()}'
    with breach(make, f'DROP TABLE "{name}"'):
        _as_owner(f'INSERT INTO "{name}" VALUES (%s), (NULL)', acme.pk)
        monkeypatch.setattr(provisioning, "tables", lambda *, of_tenants: [name])
        assert provisioning_report(acme).tables == 1
        deprovision(acme)
        assert _as_owner(f'SELECT * FROM "{name}"') == [(None,)]


def test_managers_filter_without_policies(two_shelves: None, acme: Any, globex: Any) -> None:
    """Each of the two layers of isolation works without the other."""
    table = "ALTER TABLE sample_shelf"
    with breach(f"{table} DISABLE ROW LEVEL SECURITY", f"{table} ENABLE ROW LEVEL SECURITY"):
        for tenant in (acme, globex):
            with entering(tenant):
                assert [shelf.name for shelf in Shelf.objects.all()] == [tenant.slug]
                assert Shelf._base_manager.count() == 1
                assert Shelf.objects.update(description="seen") == 1


def test_rows_are_written_for_the_active_tenant_only(acme: Any, globex: Any) -> None:
    with entering(acme):
        with connection.cursor() as cursor:
            cursor.execute(INSERT, [new_id(), acme.id, "ours"])
        for sql, params in (
            (INSERT, [new_id(), globex.id, "theirs"]),
            ("UPDATE sample_shelf SET tenant_id = %s", [globex.id]),
        ):
            with pytest.raises(WrongTenantError), connection.cursor() as cursor:
                cursor.execute("SAVEPOINT s")
                try:
                    cursor.execute(sql, params)
                finally:
                    cursor.execute("ROLLBACK TO s")


def test_owner_sees_all_rows_and_other_roles_none(two_shelves: None) -> None:
    assert _as_owner("SELECT count(*) FROM sample_shelf") == [(2,)]
    _as_owner("CREATE ROLE stranger_of_this_test")
    try:
        _as_owner("GRANT stranger_of_this_test TO CURRENT_USER")
        _as_owner("GRANT USAGE ON SCHEMA public TO stranger_of_this_test")
        _as_owner("GRANT SELECT ON sample_shelf TO stranger_of_this_test")
        with connections[OWNER].cursor() as cursor:
            cursor.execute("SET ROLE stranger_of_this_test")
            try:
                cursor.execute("SELECT count(*) FROM sample_shelf")
                assert cursor.fetchall() == [(0,)]
            finally:
                cursor.execute("RESET ROLE")
    finally:
        _as_owner("DROP OWNED BY stranger_of_this_test")
        _as_owner("DROP ROLE stranger_of_this_test")


def test_other_privilege_errors_are_unchanged(acme: Any) -> None:
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        connection.cursor() as cursor,
    ):
        cursor.execute("SAVEPOINT s")
        try:
            cursor.execute("TRUNCATE sample_book")
        finally:
            cursor.execute("ROLLBACK TO s")


def test_rows_of_a_tenant_can_be_counted_and_destroyed(
    two_shelves: None, acme: Any, globex: Any
) -> None:
    before = provisioning_report(acme)
    assert (before.tables, before.size > 0) == (1, True)
    deprovision(acme)
    deprovision(acme)
    assert provisioning_report(acme).size == 0
    assert provisioning_report(globex).size > 0


def test_ct17_tenant_cannot_be_joined(acme: Any) -> None:
    """Otherwise a lookup across the tenant could read users of other tenants."""
    with entering(acme):
        for queryset in (
            Book.objects.filter(tenant__name="x"),
            Book.objects.order_by("shelf__tenant__name"),
            Book.objects.values("tenant__memberships__user__password"),
            Book.objects.select_related("tenant"),
        ):
            with pytest.raises(SharedJoinError):
                list(queryset)
        assert not Book.objects.filter(tenant=acme, tenant_id=acme.pk).exists()


def test_server_without_the_owner_deletes_a_failed_tenant(
    two_shelves: None, acme: Any, globex: Any
) -> None:
    """It happens after a failed sign-up, with the rights of any request."""
    code = f"""if True:
        from apps.isolation import ActiveTenant
        from apps.isolation.strategy.provisioning import deprovision
        from uuid import UUID
        deprovision(ActiveTenant(UUID("{acme.pk}")))
    """
    done = manage("shell", "--verbosity=0", "-c", code, DATABASE_OWNER_URL="")
    assert done.returncode == 0, done.stderr
    assert (provisioning_report(acme).size, provisioning_report(globex).size > 0) == (0, True)


# Migrations of the owner under FORCE ROW LEVEL SECURITY. Without the owner's policy, each of these
# three would fail, or silently skip rows.


@contextmanager
def _migrating() -> Iterator[Any]:
    with as_owner(), connections[OWNER].schema_editor() as editor:
        yield editor


def _state() -> ProjectState:
    state = ProjectState(real_apps={"tenants", "authentication"})
    for model in (Shelf, Label, Book, Labelling):
        state.add_model(ModelState.from_model(model))
    return state


def _apply(operation: Any) -> Any:
    old = _state()
    new = old.clone()
    operation.state_forwards("sample", new)
    with _migrating() as editor:
        operation.database_forwards("sample", editor, old, new)

    def undo() -> None:
        with _migrating() as editor:
            operation.database_backwards("sample", editor, new, old)

    return undo


def test_ct05_migration_adds_a_not_null_field(two_shelves: None) -> None:
    field = models.IntegerField(default=7)
    undo = _apply(migrations.AddField("Shelf", "size", field))
    try:
        assert _as_owner("SELECT DISTINCT size FROM sample_shelf") == [(7,)]
    finally:
        undo()


def test_ct05_data_migration_reaches_all_tenants(two_shelves: None) -> None:
    def describe(apps: Any, editor: Any) -> None:
        apps.get_model("sample", "Shelf").objects.update(description="migrated")

    _apply(migrations.RunPython(describe, migrations.RunPython.noop))
    assert _as_owner("SELECT DISTINCT description FROM sample_shelf") == [("migrated",)]


def test_ct05_composite_key_over_invalid_rows_fails(two_shelves: None, acme: Any) -> None:
    field: Any = Book._meta.get_field("shelf")
    ((name,),) = _as_owner(
        "SELECT conname FROM pg_constraint WHERE conrelid = 'sample_book'::regclass "
        "AND confrelid = 'sample_shelf'::regclass"
    )
    _as_owner(f"ALTER TABLE sample_book DROP CONSTRAINT {name}")
    (foreign,) = _as_owner("SELECT id FROM sample_shelf WHERE tenant_id <> %s", acme.id)
    with entering(acme):
        Book.objects.create(title="dirty", shelf_id=foreign[0])
    with pytest.raises(IntegrityError), _migrating() as editor:
        editor.execute(editor._create_fk_sql(Book, field, "_fk"), None)
    _as_owner("DELETE FROM sample_book")
    with _migrating() as editor:
        editor.execute(editor._create_fk_sql(Book, field, "_fk"), None)


@pytest.mark.django_db(transaction=True)
@each_model
def test_ct05_table_without_its_policy_is_found(model: Any) -> None:
    policy = f"POLICY {POLICY} ON {model._meta.db_table}"
    repair = f"AS RESTRICTIVE TO {runtime_role()} USING ({PREDICATE}) WITH CHECK ({PREDICATE})"
    with breach(f"DROP {policy}", f"CREATE {policy} {repair}"):
        found = invariants()["policies are on every tenant table"]()
    assert set(found) == {model._meta.db_table}


# Further violations, besides the breach of each clause.
BREACHES = [
    (
        "every table is a model's",
        "CREATE TABLE breach (id uuid, tenant_id uuid)",
        "DROP TABLE breach",
    ),
    (
        "views show the tenant's rows only",
        "CREATE MATERIALIZED VIEW breach AS SELECT * FROM sample_book",
        "DROP MATERIALIZED VIEW breach",
    ),
    (
        "views show the tenant's rows only",
        "CREATE RULE breach AS ON UPDATE TO sample_book DO ALSO DELETE FROM sample_book",
        "DROP RULE breach ON sample_book",
    ),
    (
        "views show the tenant's rows only",
        "CREATE VIEW breach WITH (security_invoker = false) AS SELECT * FROM sample_book",
        "DROP VIEW breach",
    ),
    (
        "policies allow the tenant's rows only",
        "CREATE POLICY breach ON sample_book USING (true)",
        "DROP POLICY breach ON sample_book",
    ),
    (
        "policies allow the tenant's rows only",
        "CREATE POLICY breach ON sample_book AS RESTRICTIVE FOR SELECT USING (true)",
        "DROP POLICY breach ON sample_book",
    ),
    (
        "policies allow the tenant's rows only",
        f"ALTER POLICY tenant ON sample_book USING ({PREDICATE} OR true)",
        f"ALTER POLICY tenant ON sample_book USING ({PREDICATE})",
    ),
    (
        "policies allow the tenant's rows only",
        "ALTER POLICY tenant ON sample_book WITH CHECK (true)",
        f"ALTER POLICY tenant ON sample_book WITH CHECK ({PREDICATE})",
    ),
    (
        "values are unique within a tenant",
        "ALTER TABLE sample_book ADD CONSTRAINT breach EXCLUDE (title WITH =)",
        "ALTER TABLE sample_book DROP CONSTRAINT breach",
    ),
    (
        "no immutable function depends on the tenant",
        """CREATE FUNCTION breach() RETURNS text IMMUTABLE LANGUAGE plpgsql
        AS $$ BEGIN RETURN current_setting('app.tenant'); END $$""",
        "DROP FUNCTION breach",
    ),
]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("invariant", "make", "repair"), BREACHES)
def test_ct21_invariant_finds_other_violations(invariant: str, make: str, repair: str) -> None:
    with breach(make, repair):
        assert invariants()[invariant]() != []
    assert invariants()[invariant]() == []


@pytest.mark.django_db(transaction=True)
def test_ct21_security_invoker_view_is_no_violation(
    two_shelves: None,
) -> None:
    make = "CREATE VIEW harmless WITH (security_invoker) AS SELECT name FROM sample_shelf"
    with breach(make, "DROP VIEW harmless"):
        assert invariants()["views show the tenant's rows only"]() == []
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM harmless")
            assert cursor.fetchall() == []


@pytest.mark.django_db(transaction=True)
def test_ct05_inaccessible_partition_is_no_violation() -> None:
    make = f"CREATE TABLE part () INHERITS (sample_book); REVOKE ALL ON part FROM {runtime_role()}"
    with breach(make, "DROP TABLE part"):
        assert invariants()["every table is a model's"]() == []


@pytest.fixture
def many_tenants(two_shelves: None, acme: Any) -> None:
    """Give acme and fifty other tenants three hundred books each."""
    _as_owner("""
        INSERT INTO tenants_tenant
            (id, name, slug, status, settings, hold_reason, created_at, updated_at)
        SELECT gen_random_uuid(), n, 'n' || n, 'active', '{}', '', now(), now()
        FROM generate_series(1, 50) n
    """)
    _as_owner("""
        INSERT INTO sample_shelf (id, tenant_id, name, description, status, created_at,
            updated_at)
        SELECT gen_random_uuid(), id, 'many', '', 'open', now(), now() FROM tenants_tenant
    """)
    _as_owner("""
        INSERT INTO sample_book (id, tenant_id, shelf_id, title, status, position,
            created_at, updated_at)
        SELECT gen_random_uuid(), tenant_id, id, n,
            CASE mod(n, 30) WHEN 0 THEN 'gone' ELSE 'free' END, 0, now(), now()
        FROM sample_shelf, generate_series(1, 300) n WHERE name = 'many'
    """)
    _as_owner("ANALYZE sample_book")


@pytest.mark.parametrize(
    "rows",
    [
        lambda: Book.objects.order_by("-id")[:51],
        lambda: Book.objects.filter(status="gone"),
        lambda: Book.objects.filter(shelf=Shelf.objects.get(name="many")),
    ],
    ids=["a page", "by status", "of a shelf"],
)
def test_queries_read_no_foreign_rows(rows: Any, many_tenants: None, acme: Any) -> None:
    """Every index begins with the tenant, and queries use these indexes."""
    with entering(acme):
        plan = rows().explain(analyze=True)
    assert f"Index Cond: (tenant_id = '{acme.id}'" in plan.replace("((", "("), plan
    assert "Seq Scan" not in plan, plan
    assert "Rows Removed" not in plan, plan


def test_server_side_binding_is_refused(monkeypatch: Any) -> None:
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "server_side_binding", True)
    with pytest.raises(ImproperlyConfigured, match="server_side_binding"):
        connection.get_connection_params()
