"""``tenant_health_check`` reports each corruption that the tests plant in PostgreSQL."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from django.db import connections, transaction
from django.utils import timezone

from apps.audit.services import Action, record
from apps.isolation import tenant_context
from apps.isolation.app_registry import OWNER, SHARED_DB
from apps.isolation.fields import new_id
from apps.isolation.integrations.tasks import OWNER_QUEUE
from apps.isolation.strategy.provisioning import deprovision, provisioning_report
from apps.isolation.testing import break_invariant, make_member, make_tenant, owner_cursor
from apps.memberships.models import Invitation
from apps.tasks.models import State
from apps.tasks.testing import run_enqueued_tasks
from apps.tenants.models import Domain, Tenant
from apps.tenants.services import create_tenant
from apps.tenants.tasks import check_tenants
from tests.sample.models import Book, Scan, Shelf
from tests.support import manage


def _found() -> list[tuple[str, str]]:
    """Return slug and sentence of each finding; the command must fail if there are any."""
    output, refusal = StringIO(), ""
    try:
        call_command("tenant_health_check", "--json", stdout=output)
    except CommandError as error:
        refusal = str(error)
    found = json.loads(output.getvalue())
    assert refusal == (f"Problems found: {len(found)}." if found else "")
    return [(each["tenant"], each["problem"]) for each in found]


@contextmanager
def _without_keys(cursor: Any, table: str) -> Iterator[None]:
    """Drop the foreign keys of a table within the block."""
    cursor.execute(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE conrelid = %s::regclass AND contype = 'f'",
        [table],
    )
    keys = cursor.fetchall()
    for name, _ in keys:
        cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
    try:
        yield
    finally:
        for name, definition in keys:
            cursor.execute(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}')


@pytest.fixture(autouse=True)
def owners(request: pytest.FixtureRequest) -> None:
    for tenant in set(request.fixturenames) & {"acme", "globex"}:
        make_member(request.getfixturevalue(tenant), "owner")


def test_healthy_installation_has_no_findings(acme: Tenant, globex: Tenant) -> None:
    globex.status = "suspended"
    globex.save()
    make_tenant("initech", status="preparing")  # not checked yet
    with tenant_context(acme):
        shelf = Shelf.objects.create(name="p", created_by=acme.memberships.get().user)
        Book.objects.create(shelf=shelf, title="t")
    assert _found() == []
    output = StringIO()
    call_command("tenant_health_check", stdout=output)
    assert output.getvalue() == "No problems found.\n"


def test_tenant_without_an_active_owner(acme: Tenant, globex: Tenant) -> None:
    acme.memberships.update(role="admin")
    user = globex.memberships.get().user
    user.is_active = False
    user.save()
    assert _found() == [("acme", "has no Owner"), ("globex", "has no Owner")]


def test_tenant_without_users(acme: Tenant) -> None:
    acme.memberships.all().delete()
    with tenant_context(acme):
        Shelf.objects.create(name="p")
    assert _found() == [("acme", "has no Owner")]


def test_tenant_without_a_domain(acme: Tenant) -> None:
    Domain.objects.for_tenant(acme).delete()
    assert _found() == [("acme", "has no domain")]


def test_nightly_task_that_finds_a_problem_is_dead(acme: Tenant) -> None:
    assert check_tenants.queue_name == OWNER_QUEUE  # it reads the template, which is the owner's
    check_tenants.enqueue()
    assert [run.state for run in run_enqueued_tasks()] == [State.DONE]
    Domain.objects.for_tenant(acme).delete()
    check_tenants.enqueue()
    assert [run.state for run in run_enqueued_tasks()] == [State.DEAD]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("table", "column", "field"),
    [
        ("memberships_membership", "user_id", "memberships.Membership.user"),
        ("memberships_membership", "tenant_id", "memberships.Membership.tenant"),
        ("memberships_invitation", "tenant_id", "memberships.Invitation.tenant"),
        ("tenants_domain", "tenant_id", "tenants.Domain.tenant"),
    ],
)
def test_shared_row_with_a_dangling_reference(
    table: str, column: str, field: str, acme: Tenant
) -> None:
    Invitation(tenant=acme, email="x@example.test", expires_at=timezone.now()).save()
    nobody = new_id()
    with connections[OWNER].cursor() as cursor, _without_keys(cursor, table):
        cursor.execute(f"UPDATE {table} SET {column} = %s RETURNING id", [nobody])
        ((row,),) = cursor.fetchall()
        found = _found()
        cursor.execute(f"DELETE FROM {table}")
    assert ("", f"{field} of {row} refers to {nobody}, which does not exist here") in found


def test_events_of_a_missing_tenant(acme: Tenant) -> None:
    nobody = new_id()
    with transaction.atomic(using=SHARED_DB):
        record(Action.TENANT_CHANGED, tenant=nobody, actor=None)
        record(Action.TENANT_CHANGED, tenant=nobody, actor=None)
    sentence = f"audit.AuditEvent.tenant_id refers to tenant {nobody}, which does not exist"
    assert _found() == [("", sentence)]


@pytest.mark.django_db(transaction=True)
def test_reference_to_another_tenants_row(acme: Tenant, globex: Tenant) -> None:
    with tenant_context(globex):
        theirs = Shelf.objects.create(name="theirs")
    with tenant_context(acme):
        book = Book.objects.create(shelf=Shelf.objects.create(name="ours"), title="t")
    with owner_cursor(acme) as cursor, _without_keys(cursor, "sample_book"):
        cursor.execute("UPDATE sample_book SET shelf_id = %s", [theirs.pk])
        try:
            found = _found()
        finally:
            cursor.execute("DELETE FROM sample_book")
    sentence = f"sample.Book.shelf of {book.pk} refers to {theirs.pk}, which does not exist here"
    assert ("acme", sentence) in found
    assert "globex" not in dict(found)


def test_reference_to_a_user_who_is_not_a_member(acme: Tenant, globex: Tenant) -> None:
    stranger, former = globex.memberships.get().user, make_member(acme, "member")
    former.is_active = False
    former.save()
    with tenant_context(acme):
        shelf = Shelf.objects.create(name="p", created_by=former.user)
        book = Book.objects.create(shelf=shelf, title="t", reader=stranger)
    sentence = f"sample.Book.reader of {book.pk} refers to user {stranger.pk}, who is not a member"
    assert _found() == [("acme", sentence)]


def test_row_without_its_file(acme: Tenant) -> None:
    with tenant_context(acme):
        book = Book.objects.create(shelf=Shelf.objects.create(name="p"), title="t")
        lost, _ = (
            Scan.objects.create(book=book, file=ContentFile(b"x", name), name=name)
            for name in ("lost", "kept")
        )
        lost.file.storage.delete(str(lost.file))
    sentence = f"sample.Scan.file of {lost.pk} is not in the storage"
    assert _found() == [("acme", sentence)]


def test_tenant_without_storage(provisioning: None) -> None:
    tenant = create_tenant(slug="acme", name="Acme")
    make_member(tenant, "owner")
    assert _found() == []
    deprovision(tenant)
    # In shared tables, a tenant without rows is valid.
    is_missing = not provisioning_report(tenant).exists
    assert [slug for slug, problem in _found() if "are missing" in problem] == ["acme"] * is_missing


@contextmanager
def _forgotten(cursor: Any, app: str) -> Iterator[None]:
    """Delete the record of an app's applied migrations."""
    rename = "UPDATE django_migrations SET app = %s WHERE app = %s"
    cursor.execute(rename, ["gone", app])
    try:
        yield
    finally:
        cursor.execute(rename, [app, "gone"])


@pytest.mark.django_db(transaction=True)
def test_unapplied_migrations_of_shared_data(acme: Tenant) -> None:
    with connections[OWNER].cursor() as cursor, _forgotten(cursor, "tenants"):
        assert _found() == [("", "unapplied migrations: run manage.py migrate")]


@pytest.mark.django_db(transaction=True)
def test_unapplied_migrations_of_tenants(acme: Tenant) -> None:
    with owner_cursor(acme) as cursor, _forgotten(cursor, "sample"):
        ((slug, problem),) = _found()
    assert slug in {"acme", ""}
    assert problem.endswith(": run manage.py migrate")


@pytest.mark.django_db(transaction=True)
def test_violated_invariant(acme: Tenant) -> None:
    with break_invariant("the run-time role has no powers"):
        ((slug, problem),) = _found()
    assert slug == ""
    assert problem.startswith("Invariant violated: the run-time role has no powers. ")


@pytest.mark.django_db(transaction=True)
def test_exit_code_of_a_process(acme: Tenant) -> None:
    done = manage("tenant_health_check")
    assert (done.returncode, done.stdout) == (0, "No problems found.\n")
    acme.memberships.update(role="viewer")
    done = manage("tenant_health_check")
    assert (done.returncode, done.stdout.split()) == (1, ["acme", "has", "no", "Owner"])
    assert done.stderr.endswith("CommandError: Problems found: 1.\n")


@pytest.mark.parametrize("host", ["acme.localhost", "globex.localhost"])
def test_domain_that_became_a_shared_host(
    acme: Tenant, globex: Tenant, settings: Any, host: str
) -> None:
    assert _found() == []
    settings.SHARED_HOSTS = ["localhost", host]
    problem = f"has the domain {host}, which is in SHARED_HOSTS and is not served"
    assert _found() == [(host.removesuffix(".localhost"), problem)]
