"""Isolation in the database: the run-time role, invariants, and raw SQL."""

from contextlib import nullcontext
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.core.management.base import SystemCheckError
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection, transaction

from apps.isolation import NoTenantError, WrongTenantError, tenant_context
from apps.isolation.app_registry import OWNER, SHARED_DB
from apps.isolation.testing import (
    INAPPLICABLE,
    break_invariant,
    every_breach,
    invariants,
    isolation_probe,
)
from tests.isolation.declarations import column_to_write
from tests.isolation.rows import each_key, each_model, ids_of, make_row, table_of, value_for

INVARIANTS = list(invariants())
CLAUSES = [(name, clause) for name, each in invariants().items() for clause in each.clauses]
# Invariants about objects that could bypass isolation.
PASSAGES = ["views show the tenant's rows only", "functions run with their caller's rights"]


def _assert_run_time_role() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == (False,)
        cursor.execute("SELECT count(*) FROM pg_class WHERE pg_has_role(relowner, 'USAGE')")
        assert cursor.fetchone() == (0,)


def test_ct05_tests_use_the_run_time_role(acme: Any) -> None:
    """With an owner or a superuser, the other tests would prove nothing."""
    _assert_run_time_role()
    with tenant_context(acme):
        _assert_run_time_role()


def test_ct05_database_sees_the_tenant(acme: Any, globex: Any) -> None:
    assert isolation_probe().tenant is None
    for tenant in (acme, globex):
        with tenant_context(tenant):
            assert isolation_probe().tenant == tenant.id
    assert isolation_probe().tenant is None


@pytest.mark.parametrize("name", INVARIANTS)
def test_ct05_invariant_holds(name: str, acme: Any) -> None:
    assert invariants()[name]() == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("name", "clause"), [each for each in CLAUSES if each[0] not in PASSAGES], ids=str
)
def test_ct05_violated_invariant_is_found(name: str, clause: str, acme: Any) -> None:
    """Each clause is tested separately."""
    with break_invariant(name, clause):
        assert invariants()[name].clauses[clause]() != []
        assert invariants()[name]() != []
    assert invariants()[name]() == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("name", "clause"), [each for each in CLAUSES if each[0] in PASSAGES], ids=str
)
def test_ct21_objects_that_bypass_isolation_are_found(
    name: str, clause: str, acme: Any, settings: Any
) -> None:
    with break_invariant(name, clause):
        assert invariants()[name].clauses[clause]() != []
        assert invariants()[name]() != []
        if name.startswith("functions"):
            settings.SECURITY_DEFINER_FUNCTIONS = ["public.breach()"]
            assert invariants()[name]() == []
    assert invariants()[name]() == []


def test_ct05_every_clause_has_a_breach(acme: Any) -> None:
    """A clause without a breach would be untested."""
    breaches = [(name, clause) for name, each in every_breach().items() for clause in each]
    assert sorted(breaches) == sorted(CLAUSES)
    assert not {name for name in INAPPLICABLE if name in INVARIANTS}


def test_ct05_power_that_cannot_be_revoked_can_be_accepted(acme: Any, settings: Any) -> None:
    name, clause = "the run-time role has no powers", "makes large objects"
    settings.ACCEPTED_POWERS = ["may make large objects"]
    with break_invariant(name, clause):
        assert invariants()[name].clauses[clause]() == []


REFUSED = {
    "INSERT INTO django_migrations (app, name, applied) VALUES ('sample', '0002', now())",
    "UPDATE django_migrations SET name = '0000'",
    "DELETE FROM django_migrations",
    "SELECT lo_creat(-1)",
    "SELECT lo_create(0)",
    "SELECT lo_from_bytea(0, 'x')",
    "CREATE TEMPORARY TABLE more (id int)",
    "CREATE TABLE more (id int)",
    "CREATE SCHEMA more",
    "CREATE ROLE more",
    "SELECT setval('django_migrations_id_seq', 1)",
    "TRUNCATE django_session",
}


@pytest.mark.parametrize("statement", sorted(REFUSED))
@pytest.mark.parametrize("inside", [False, True], ids=["outside", "in a tenant"])
def test_ct05_run_time_role_has_minimal_privileges(statement: str, inside: bool, acme: Any) -> None:
    with (
        tenant_context(acme) if inside else nullcontext(),
        pytest.raises(DatabaseError, match=r"permission denied|must be|does not exist"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


@pytest.mark.django_db(transaction=True)
def test_ct05_migrate_and_check_find_violations(acme: Any) -> None:
    with break_invariant("the run-time role has no powers"):
        with pytest.raises(CommandError, match="invariants are violated"):
            call_command("migrate", verbosity=0)
        with pytest.raises(SystemCheckError, match=r"isolation\.E010"):
            call_command("check", databases=[OWNER])
        # Checks before a migration must not fail, since the migration may repair the violation.
        call_command("check")
    call_command("migrate", verbosity=0)
    call_command("check", databases=[OWNER])


@each_model
def test_raw_sql_reads_the_tenants_rows_only(model: Any, acme: Any, globex: Any) -> None:
    made = {}
    for tenant in (acme, globex):
        with tenant_context(tenant):
            made[tenant] = make_row(model)
    for tenant, row in made.items():
        with tenant_context(tenant), connection.cursor() as cursor:
            cursor.execute(f"SELECT {ids_of(model)} FROM {table_of(model)}")
            assert cursor.fetchall() == [row.pk if isinstance(row.pk, tuple) else (row.pk,)]


@each_model
def test_cross_tenant_access_prevention(model: Any, acme: Any, globex: Any) -> None:
    """No manager finds another tenant's row."""
    with tenant_context(globex):
        theirs = make_row(model)
        before = list(model.objects.values())
    field = column_to_write(model)
    with tenant_context(acme):
        ours = make_row(model)
        assert list(model.objects.all()) == [ours]
        found = model.objects.filter(pk=theirs.pk)
        assert not found.exists()
        assert found.update(**{field.attname: getattr(ours, field.attname)}) == 0
        assert found.delete() == (0, {})
        for manager in (*model._meta.managers, model._base_manager):
            with pytest.raises(model.DoesNotExist):
                manager.get(pk=theirs.pk)
    with tenant_context(globex):
        assert list(model.objects.values()) == before


@each_key
def test_row_cannot_refer_to_another_tenant(key: Any, acme: Any, globex: Any) -> None:
    """The database also refuses such references in raw SQL."""
    with tenant_context(globex):
        (foreign,) = value_for(key, make_row(key.related_model)).values()
    column = connection.ops.quote_name(key.column)
    point = f"UPDATE {table_of(key.model)} SET {column} = %s"
    with tenant_context(acme):
        value = value_for(key, make_row(key.related_model))
        make_row(key.model, **value)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(point, [*value.values()])
        with (
            pytest.raises(DatabaseError, match="violates foreign key constraint"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(point, [foreign])
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@each_model
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("alias", sorted({DEFAULT_DB_ALIAS, SHARED_DB, OWNER}))
def test_ct20_named_connection_reaches_no_foreign_rows(
    alias: str, model: Any, acme: Any, globex: Any
) -> None:
    with tenant_context(globex):
        make_row(model)
    with tenant_context(acme):
        ours = make_row(model)
        try:
            found = list(model.objects.using(alias).filter())
        except DatabaseError as error:
            assert "does not exist" in str(error)  # noqa: PT017 - one of two good outcomes
        else:
            assert found == [ours]
    with pytest.raises((NoTenantError, DatabaseError)):
        list(model.objects.using(alias).filter())


@pytest.mark.django_db(transaction=True)
@each_model
def test_ct20_cursor_reaches_the_active_tenant_or_nothing(
    model: Any, acme: Any, globex: Any
) -> None:
    with tenant_context(acme):
        theirs = make_row(model)
        cursor = connection.cursor()
    select = f"SELECT {ids_of(model)} FROM {table_of(model)}"
    for tenant in (globex, None):
        found: list[Any] = []
        try:
            if tenant is not None:
                with tenant_context(tenant):
                    cursor.execute(select)
            else:
                cursor.execute(select)
            found = cursor.fetchall()
        except (NoTenantError, WrongTenantError, DatabaseError):
            continue
        assert (theirs.pk if isinstance(theirs.pk, tuple) else (theirs.pk,)) not in found
    cursor.close()


@pytest.mark.django_db(transaction=True)
@each_model
@pytest.mark.parametrize("begun_in", ["another tenant", "no tenant"])
def test_ct20_transaction_includes_the_written_rows(
    begun_in: str, model: Any, acme: Any, globex: Any
) -> None:
    """A rollback removes the row, or writing it raises an error."""

    def write() -> None:
        with transaction.atomic():
            with tenant_context(globex), transaction.atomic():
                make_row(model)
            raise ZeroDivisionError

    with pytest.raises((ZeroDivisionError, WrongTenantError)):
        if begun_in == "no tenant":
            write()
        else:
            with tenant_context(acme):
                write()
    with tenant_context(globex):
        assert not model.objects.exists()
