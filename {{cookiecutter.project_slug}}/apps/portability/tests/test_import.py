"""``import_tenant``."""

import gzip
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import DEFAULT_DB_ALIAS, connections, reset_queries

from apps.audit.models import AuditEvent
from apps.authentication.models import User
from apps.isolation import ActiveTenant, tenant_context
from apps.isolation.app_registry import SHARED_DB
from apps.isolation.context import activate_tenant
from apps.isolation.fields import new_id
from apps.isolation.testing import api_client, make_member
from apps.isolation.testing.people import PASSWORD
from apps.memberships.addresses import mark_verified
from apps.memberships.models import Invitation, Membership
from apps.portability import importing, loading, people
from apps.portability.documents import hash_of
from apps.portability.locks import import_lock
from apps.portability.tests.conftest import SCAN, Forgery, contents, forget, run
from apps.tenants.models import Domain, Purge, Status, Tenant
from apps.tenants.services import create_tenant
from config.env import BASE_DIR
from tests.sample.models import Book, Note, Scan, Shelf
from tests.support import environment, start

pytestmark = pytest.mark.usefixtures("provisioning")


def member(email: str, tenant: Tenant | None = None) -> Membership:
    """Return the membership of an address."""
    return Membership.objects.find(email, tenant or Tenant.objects.get(slug="acme")).get()


def accounts(*emails: str) -> None:
    """Delete accounts that other installations do not have."""
    EmailAddress.objects.filter(email__in=emails).delete()
    with connections[SHARED_DB].cursor() as cursor:
        cursor.execute("DELETE FROM authentication_user WHERE email = ANY (%s)", [list(emails)])


def test_round_trip_gives_the_same_tenant(gone: Path, source: Tenant, neighbour: Tenant) -> None:
    with activate_tenant(ActiveTenant(neighbour.pk)):
        before = contents(DEFAULT_DB_ALIAS, lambda name: not name.startswith("sample_"))
    report = run("import_tenant", gone)
    tenant = Tenant.objects.get(slug="acme")
    assert (tenant.pk, tenant.status, tenant.name) == (source.pk, Status.ACTIVE, "Acme")
    assert report["rows"] == 9
    assert run("verify_tenant", "acme", gone)["differences"] == []
    with tenant_context(tenant):
        assert Book.objects.get(title="first").reader == member("owner@acme.test").user
        assert Note.objects.get().subject == Book.objects.get(title="first")
        with Scan.objects.get().file.open() as file:
            assert file.read() == SCAN
    with activate_tenant(ActiveTenant(neighbour.pk)):
        assert contents(DEFAULT_DB_ALIAS, lambda name: not name.startswith("sample_")) == before
    call_command("tenant_health_check")


def test_imported_tenant_is_served(gone: Path) -> None:
    run("import_tenant", gone)
    tenant = Tenant.objects.get(slug="acme")
    answer = api_client(tenant, "owner@acme.test").get("/api/v1/sample/books/")
    assert answer.json()["results"]


def test_second_export_is_equal(gone: Path, tmp_path: Path) -> None:
    run("import_tenant", gone)
    run("export_tenant", "acme", tmp_path / "again.tar")
    first, second = Forgery(gone).manifest, Forgery(tmp_path / "again.tar").manifest
    sums = [{n: each["sums"] for n, each in of["tables"].items()} for of in (first, second)]
    assert sums[0] == sums[1]
    assert first["files"] == second["files"]


def test_new_slug(gone: Path) -> None:
    run("import_tenant", gone, slug="initech")
    tenant = Tenant.objects.get()
    assert (tenant.slug, tenant.primary_domain()) == ("initech", "initech.localhost")


def test_dry_run_changes_nothing(gone: Path, unchanged: None) -> None:
    assert run("import_tenant", gone, dry_run=True)["users"]["same"] == 2


def test_tenant_that_is_here_is_refused(archive: Path, unchanged: None) -> None:
    with pytest.raises(CommandError, match="is already here, as 'acme'"):
        run("import_tenant", archive)
    with pytest.raises(CommandError, match="no unfinished import"):
        run("import_tenant", archive, cancel=True)


def test_purged_tenant_is_refused(gone: Path, source: Tenant) -> None:
    """The record of its purge has its id."""
    Purge.platform.create(tenant_id=source.pk, found={})
    with pytest.raises(CommandError, match="was purged here"):
        run("import_tenant", gone)


def test_taken_slug_is_refused(gone: Path) -> None:
    create_tenant(slug="acme", name="Another")
    with pytest.raises(CommandError, match="This name is taken"):
        run("import_tenant", gone)
    assert Tenant.objects.count() == 1


def test_only_the_default_domain_is_created(archive: Path, source: Tenant) -> None:
    Domain.platform.create(tenant=source, domain="acme.example")
    archive.unlink()
    run("export_tenant", "acme", archive)
    forget(source)
    assert run("import_tenant", archive)["domains_to_add"] == ["acme.example"]
    assert [domain.domain for domain in Domain.platform.all()] == ["acme.localhost"]


def test_open_invitations_are_listed(gone: Path) -> None:
    assert run("import_tenant", gone)["invitations_to_repeat"] == ["new@example.test"]
    assert not Invitation.platform.exists()


# Users


def test_unknown_user_gets_an_account_without_password(gone: Path) -> None:
    before = User.objects.get(email="owner@acme.test")
    accounts("owner@acme.test")
    assert run("import_tenant", gone)["users"]["new"] == 1
    user = User.objects.get(email="owner@acme.test")
    assert user.pk == before.pk
    assert not user.has_usable_password()
    assert not EmailAddress.objects.filter(user=user, verified=True).exists()
    assert member(user.email).role == "owner"
    assert member(user.email).is_active


def test_verified_address_gets_an_inactive_membership(gone: Path) -> None:
    accounts("owner@acme.test")
    other = User.objects.create_user("owner@acme.test", PASSWORD)
    mark_verified(other)
    report = run("import_tenant", gone)
    assert report["users"]["address"] == report["users"]["invited"] == 1
    assert not member(other.email).is_active
    assert Invitation.platform.get().email == other.email
    with tenant_context(Tenant.objects.get()):
        assert Shelf.objects.get().created_by_id == other.pk
    assert run("verify_tenant", "acme", gone)["differences"] == []


def test_trusted_address_gets_an_active_membership(gone: Path) -> None:
    accounts("owner@acme.test")
    mark_verified(User.objects.create_user("owner@acme.test", PASSWORD))
    run("import_tenant", gone, trust_addresses=True)
    assert member("owner@acme.test").is_active


def test_unverified_address_is_refused(gone: Path, tmp_path: Path) -> None:
    accounts("owner@acme.test")
    User.objects.create_user("owner@acme.test", PASSWORD)
    with pytest.raises(CommandError, match="has not verified it"):
        run("import_tenant", gone)
    users = tmp_path / "users.csv"
    users.write_text("owner@acme.test,owner@acme.test\n")
    run("import_tenant", gone, users=str(users))
    assert member("owner@acme.test").is_active


@pytest.mark.parametrize("trusts", [False, True])
def test_account_that_nobody_has_claimed_is_joined(gone: Path, trusts: bool) -> None:
    """As two old tenants with a person in common make it."""
    accounts("owner@acme.test")
    earlier = User(email="owner@acme.test")
    earlier.set_unusable_password()
    earlier.save()
    assert run("import_tenant", gone, trust_addresses=trusts)["users"]["address"] == 1
    assert member(earlier.email).user_id == earlier.pk
    assert member(earlier.email).is_active == trusts
    assert run("verify_tenant", "acme", gone)["differences"] == []


def test_id_of_another_user_is_not_used(gone: Path) -> None:
    User.objects.filter(email="owner@acme.test").update(email="other@acme.test")
    run("import_tenant", gone)
    other = User.objects.get(email="other@acme.test")
    assert User.objects.get(email="owner@acme.test").pk != other.pk
    assert not Membership.objects.for_user(other).exists()
    assert run("verify_tenant", "acme", gone)["differences"] == []


def test_mapping_names_the_account(gone: Path, tmp_path: Path) -> None:
    other = User.objects.create_user("new@acme.test", PASSWORD)
    users = tmp_path / "users.csv"
    users.write_text("Owner@acme.test, new@acme.test\n")
    assert run("import_tenant", gone, users=str(users))["users"]["mapped"] == 1
    assert member("new@acme.test").role == "owner"
    with tenant_context(Tenant.objects.get()):
        assert Shelf.objects.get().created_by_id == other.pk
    assert run("verify_tenant", "acme", gone, users=str(users))["differences"] == []


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("owner@acme.test,nobody@acme.test", "is no account here"),
        ("owner@acme.test,viewer@acme.test", "are one row here"),
        ("owner@acme.test", "must have two addresses"),
        ("owner@acme.test,a@x.test\nowner@acme.test,b@x.test", "must have two addresses"),
    ],
)
def test_wrong_mapping_is_refused(
    gone: Path, tmp_path: Path, unchanged: None, lines: str, message: str
) -> None:
    users = tmp_path / "users.csv"
    users.write_text(lines)
    with pytest.raises(CommandError, match=message):
        run("import_tenant", gone, users=str(users))


def test_history_is_imported_on_request(gone: Path, source: Tenant) -> None:
    """Its events name the users here, and the export that it comes from."""
    forgery = Forgery(gone)
    events = AuditEvent.objects.for_tenant(source)
    before = events.count()
    assert run("import_tenant", gone)["events"] == forgery.manifest["audit"][0]["rows"]
    # They were here already: the audit log outlives a tenant.
    imported = set(events.values_list("action", flat=True))
    assert {"tenant.exported", "tenant.imported"} <= imported
    assert events.filter(action="tenant.exported").count() == 1
    assert before < events.count()


def test_history_names_the_users_here(gone: Path, source: Tenant, tmp_path: Path) -> None:
    forgery = Forgery(gone)
    text = gzip.decompress(forgery.members["audit/000000.gz"]).splitlines()[0]
    actor = next(each["user"] for each in forgery.shared["members"] if each["role"] == "owner")
    event = {**json.loads(text), "id": str(new_id()), "actor_id": actor, "tenant_id": actor}
    packed = gzip.compress(json.dumps(event).encode() + b"\n")
    forgery.members["audit/000000.gz"] = packed
    forgery.manifest["audit"][0] |= {"rows": 1, "sha256": hash_of(packed)}
    other = User.objects.create_user("new@acme.test", PASSWORD)
    (tmp_path / "users.csv").write_text("owner@acme.test,new@acme.test\n")
    run("import_tenant", forgery.write(), users=str(tmp_path / "users.csv"))
    stored = AuditEvent.objects.for_tenant(source).get(pk=event["id"])
    assert stored.actor_id == other.pk
    assert stored.time.isoformat() == str(event["time"]).replace(" ", "T")


# Interruptions


def _interrupted(gone: Path, monkeypatch: pytest.MonkeyPatch, where: Any, name: str) -> None:
    def fail(*arguments: Any, **options: Any) -> Any:
        raise OSError("no space left")

    with monkeypatch.context() as patched:
        patched.setattr(where, name, fail)
        with pytest.raises(CommandError, match="no space left"):
            run("import_tenant", gone)
    assert Tenant.objects.get().status == Status.IMPORTING


STEPS = [
    (importing, "make_storage"),
    (people, "create_accounts"),
    (loading, "_insert"),
    (importing, "restore_files"),
    (people, "admit"),
]
each_step = pytest.mark.parametrize(("where", "name"), STEPS, ids=[name for _, name in STEPS])


@each_step
def test_import_continues(
    gone: Path, monkeypatch: pytest.MonkeyPatch, where: Any, name: str
) -> None:
    accounts("owner@acme.test")
    _interrupted(gone, monkeypatch, where, name)
    run("import_tenant", gone)
    assert run("verify_tenant", "acme", gone)["differences"] == []
    assert member("owner@acme.test").is_active


@pytest.fixture
def without_owner(gone: Path) -> Path:
    """Return an archive with a user who is not here."""
    accounts("owner@acme.test")
    return gone


@each_step
def test_import_is_cancelled(
    without_owner: Path,
    unchanged: None,
    monkeypatch: pytest.MonkeyPatch,
    where: Any,
    name: str,
) -> None:
    """The fixture `unchanged` compares all shared rows."""
    gone = without_owner
    _interrupted(gone, monkeypatch, where, name)
    tenant = Tenant.objects.get()
    run("import_tenant", gone, cancel=True)
    assert not User.objects.filter(email="owner@acme.test").exists()
    _assert_nothing_is_left(tenant)


def _assert_nothing_is_left(tenant: Tenant) -> None:
    assert not Tenant.objects.filter(pk=tenant.pk).exists()
    with connections[SHARED_DB].cursor() as cursor:
        cursor.execute("SELECT to_regclass('sample_shelf')")
        if cursor.fetchone() != (None,):  # in tables that tenants share
            with activate_tenant(ActiveTenant(tenant.pk)), connections[SHARED_DB].cursor() as own:
                own.execute("SELECT count(*) FROM sample_shelf")
                assert own.fetchone() == (0,)
    with activate_tenant(ActiveTenant(tenant.pk)), pytest.raises(FileNotFoundError):
        default_storage.listdir("")


def test_complete_tables_are_not_loaded_again(gone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _interrupted(gone, monkeypatch, importing, "restore_files")
    loaded: list[str] = []
    load = loading.Loader._load_table

    def note(self: Any, table: Any) -> None:
        loaded.append(table.label)
        load(self, table)

    with tenant_context_of_import():
        Shelf.objects.update(name="changed")
    monkeypatch.setattr(loading.Loader, "_load_table", note)
    run("import_tenant", gone)
    assert loaded == ["sample.shelf"]


def tenant_context_of_import() -> Any:
    """Enter the tenant that is being imported."""
    return activate_tenant(ActiveTenant(Tenant.objects.get().pk))


def test_importing_tenant_is_not_served(gone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _interrupted(gone, monkeypatch, importing, "restore_files")
    tenant = Tenant.objects.get()
    body = {"email": make_member(tenant, "admin").user.email, "password": PASSWORD}
    answer = api_client(tenant).post("/api/v1/auth/token/", body)
    assert answer.status_code == 404
    assert not tenant.is_usable


@pytest.mark.parametrize("table", ["sample_label", "sample_book", "sample_scan"])
def test_killed_import_continues(gone: Path, table: str) -> None:
    """SIGKILL while a statement waits for a lock on a table."""
    code = (
        "import django; django.setup(); from django.core.management import call_command;"
        "from apps.portability import loading; import time, sys\n"
        "insert = loading._insert\n"
        "def wait(table, *rest):\n"
        f"    if table.name == '\"{table}\"':\n"
        "        print('waiting', flush=True); time.sleep(60)\n"
        "    return insert(table, *rest)\n"
        "loading._insert = wait\n"
        f"call_command('import_tenant', {str(gone)!r})"
    )
    with start("-c", code, DJANGO_SETTINGS_MODULE="config.settings.test") as process:
        assert process.stdout
        line = process.stdout.readline()
        process.kill()
        assert line == "waiting\n", process.communicate()
    assert Tenant.objects.get().status == Status.IMPORTING
    _retry("import_tenant", gone)
    assert Tenant.objects.get().status == Status.ACTIVE
    assert run("verify_tenant", "acme", gone)["differences"] == []


def _retry(*arguments: Any) -> None:
    """Run a command until PostgreSQL has noticed that a killed client is gone."""
    until = time.monotonic() + 30
    while True:
        try:
            run(*arguments)
        except CommandError as error:
            if "Another process" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return


def test_two_imports_at_once(gone: Path, source: Tenant, unchanged: None) -> None:
    with import_lock(source.pk), pytest.raises(CommandError, match="Another process"):
        run("import_tenant", gone)


def test_import_from_a_pipe(gone: Path, settings: Any) -> None:
    with gone.open("rb") as file:
        done = subprocess.run(
            [sys.executable, "manage.py", "import_tenant", "-"],
            cwd=BASE_DIR,
            env=environment(MEDIA_ROOT=settings.MEDIA_ROOT),
            stdin=file,
            capture_output=True,
            check=True,
        )
    assert b"rows: 9" in done.stdout
    assert run("verify_tenant", "acme", gone)["differences"] == []


def test_memory_does_not_grow_with_debug(
    gone: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Django keeps each statement with DEBUG; a long import would keep the whole archive."""
    settings.DEBUG = True
    lengths: list[int] = []

    def note() -> None:
        reset_queries()
        lengths.append(sum(len(each.queries_log) for each in connections.all()))

    monkeypatch.setattr(loading, "reset_queries", note)
    run("import_tenant", gone)
    assert lengths
    assert not any(lengths)
