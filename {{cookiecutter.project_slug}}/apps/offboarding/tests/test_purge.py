"""Purges: what they delete and keep, what refuses them, and interruptions."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings as stored_settings
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connections
from django.test import Client
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.isolation import tenant_context
from apps.isolation.app_registry import OWNER
from apps.isolation.strategy.provisioning import provisioning_report
from apps.isolation.testing import api_client, make_member
from apps.isolation.testing.people import PASSWORD
from apps.memberships.invitations import invite
from apps.memberships.roles import Role
from apps.offboarding import services
from apps.offboarding.inventory import inventory, shared_rows
from apps.offboarding.services import purge_later
from apps.offboarding.tasks import purge_due_tenants
from apps.tasks.models import State
from apps.tasks.testing import run_enqueued_tasks
from apps.tenants import lifecycle
from apps.tenants.models import Domain, Purge, Tenant
from apps.tenants.services import create_tenant
from tests.sample import tasks
from tests.sample.models import Label
from tests.support import at_once

pytestmark = pytest.mark.usefixtures("provisioning")

CANARY = "canary"
SLUG = f"{CANARY}-gmbh"


@pytest.fixture
def globex() -> Iterator[Tenant]:
    """Return another tenant, whose data must stay as it is."""
    tenant = create_tenant(slug="globex", name="Globex")
    make_member(tenant, "owner", "both@example.test")
    with tenant_context(tenant):
        Label.objects.create(word="stays")
        default_storage.save("stays", ContentFile(b"stays"))
    before = inventory(tenant)
    yield tenant
    assert inventory(tenant) == before


@pytest.fixture
def doomed(globex: Tenant) -> Tenant:
    """Return a tenant with something of each kind, under names that contain the canary."""
    tenant = create_tenant(slug=SLUG, name=f"{CANARY} Ltd", domain=f"{CANARY}.example")
    owner = make_member(tenant, "owner", f"owner@{CANARY}.test")
    make_member(tenant, "member", "both@example.test")
    host = f"{CANARY}.example"
    client = Client(headers={"Host": host})
    body = {"email": owner.user.email, "password": PASSWORD}
    assert client.post("/login/", body).status_code == 302
    with tenant_context(tenant):
        for number in range(5):
            Label.objects.create(word=f"{CANARY} {number}")
        default_storage.save(f"{CANARY}/file", ContentFile(CANARY.encode()))
        tasks.break_down.enqueue(CANARY)
    owner.tenant = tenant
    invite(owner, f"invited@{CANARY}.test", Role.MEMBER)
    staff = get_user_model()._default_manager.create_superuser("staff@example.test", PASSWORD)
    kind = ContentType.objects.get_for_model(Tenant)
    change = json.dumps([{"added": {"name": "domain", "object": host}}])
    LogEntry.objects.create(
        user=staff,
        content_type=kind,
        object_id=str(tenant.pk),
        object_repr=tenant.name,
        action_flag=CHANGE,
        change_message=change,
    )
    return tenant


def _run(*arguments: str) -> str:
    output = StringIO()
    call_command(*arguments, stdout=output)
    return output.getvalue()


def _purge_now() -> dict[str, Any]:
    options = ["--confirm", SLUG, "--now", "--reason", "They asked for it.", "--json"]
    done: dict[str, Any] = json.loads(_run("purge_tenant", SLUG, *options))
    return done


def _traces() -> list[str]:
    """Return the tables of the shared database, and the files, that contain the canary."""
    with connections[OWNER].cursor() as cursor:
        cursor.execute(
            "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n "
            "ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND n.nspname !~ '^(pg_|information)'"
        )
        found = []
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT count(*) FROM {table} t WHERE t::text ILIKE '%{CANARY}%'")
            if cursor.fetchone() != (0,):
                found.append(table)
    files = Path(stored_settings.MEDIA_ROOT).rglob("*")
    return found + [str(file) for file in files if CANARY in file.name]


def test_purge_leaves_no_trace(doomed: Tenant, globex: Tenant, mailoutbox: list[Any]) -> None:
    assert len(_traces()) >= 6
    mailoutbox.clear()
    _run("archive_tenant", SLUG)
    done = _purge_now()
    assert _traces() == []
    assert provisioning_report(doomed).tables == 0
    assert not Tenant.objects.filter(pk=doomed.pk).exists()
    assert {rows.count() for rows in shared_rows(doomed)} == {0}
    assert done["deleted"]["sample.Label"] == 5
    assert (done["deleted"]["files"], done["deleted"]["bytes"]) == (1, len(CANARY))
    assert done["deleted"]["authentication.Session"] == 1
    assert [mail.to for mail in mailoutbox] == [[f"owner@{CANARY}.test"]] * 2
    users = get_user_model()._default_manager
    assert set(users.filter(is_active=True).values_list("email", flat=True)) == {
        "both@example.test",
        "staff@example.test",
    }
    assert AuditEvent.objects.for_tenant(doomed.pk).filter(action="tenant.purged").exists()
    response = Client(headers={"Host": f"{CANARY}.example"}).get("/login/")
    assert response.status_code == 404
    _run("tenant_health_check")


def test_slug_and_domain_are_free_after_a_purge(doomed: Tenant) -> None:
    _run("archive_tenant", SLUG)
    _purge_now()
    again = create_tenant(slug=SLUG, name="Another", domain=f"{CANARY}.example")
    assert again.pk != doomed.pk
    assert Domain.objects.for_tenant(again).count() == 1


STEPS = ["forget_tenant", "deprovision", "_delete_shared_rows", "certify"]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("is_before", [True, False])
def test_interrupted_purge_is_completed_by_the_next_run(
    step: str, is_before: bool, doomed: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    lifecycle.archive(doomed)
    found = inventory(doomed)
    with monkeypatch.context() as patch:
        patch.setattr(services, step, _breaking(getattr(services, step), is_before=is_before))
        with pytest.raises(OSError, match="No space left"):
            _purge_now()
    assert Tenant.objects.get(pk=doomed.pk).status == "purging"
    response = api_client(doomed).get("/api/v1/me/", headers={"Host": f"{CANARY}.example"})
    assert response.status_code == 404
    with pytest.raises(CommandError, match="Only a tenant that is archived"):
        _run("restore_tenant", SLUG)
    assert _purge_now()["deleted"] == found
    assert _traces() == []


def _breaking(function: Callable[..., Any], *, is_before: bool) -> Callable[..., Any]:
    def fail(*args: Any) -> None:
        if not is_before:
            function(*args)
        raise OSError("No space left on device")

    return fail


@pytest.mark.two_connections
def test_concurrent_purges_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    tenant = create_tenant(slug=SLUG, name="Canary")
    lifecycle.archive(tenant)
    # Django's tests allow threads no connections to tenants' databases.
    monkeypatch.setattr(services, "inventory", lambda tenant: {})
    done = at_once(2, lambda: services.purge(tenant, at_once=True, reason="Both."))
    assert len({purge.certificate for purge in done}) == 1
    assert Purge.platform.get().finished_at is not None
    assert not Tenant.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "Repeat the slug: --confirm canary-gmbh"),
        (["--confirm", "globex"], "Repeat the slug"),
        (["--confirm", SLUG], "can be restored until"),
        (["--confirm", SLUG, "--now"], "needs a reason"),
    ],
)
def test_purge_is_refused(arguments: list[str], reason: str, doomed: Tenant) -> None:
    lifecycle.archive(doomed)
    before = inventory(doomed)
    with pytest.raises(CommandError, match=reason):
        _run("purge_tenant", SLUG, *arguments)
    assert inventory(doomed) == before
    assert not Purge.platform.exists()


@pytest.mark.parametrize("status", ["active", "suspended"])
def test_only_an_archived_tenant_is_purged(status: str, doomed: Tenant) -> None:
    Tenant.objects.filter(pk=doomed.pk).update(status=status)
    with pytest.raises(CommandError, match="Only a tenant that is archived"):
        _purge_now()


def test_earlier_purge_of_the_same_id_permits_nothing(doomed: Tenant) -> None:
    """A tenant that came back, as from a backup, is purged like any other."""
    Purge.platform.create(tenant_id=doomed.pk, found={}, finished_at=timezone.now())
    with pytest.raises(CommandError, match="Only a tenant that is archived"):
        _purge_now()
    lifecycle.archive(doomed)
    assert _purge_now()["deleted"]["sample.Label"] == 5
    assert _traces() == []


def test_hold_prevents_a_purge(doomed: Tenant) -> None:
    lifecycle.archive(doomed)
    _run("hold_tenant", SLUG, "--reason", "A lawsuit.")
    with pytest.raises(CommandError, match="on hold: A lawsuit"):
        _purge_now()
    Tenant.objects.filter(pk=doomed.pk).update(purge_after=timezone.now() - timedelta(days=1))
    assert json.loads(_run("purge_tenants", "--json")) == []
    _run("release_tenant", SLUG)
    assert _run("purge_tenants") == f"{SLUG}: due\n"
    assert _run("purge_tenants", "--due") == f"{SLUG}: purged\n"
    assert _run("purge_tenants") == "No tenant is due.\n"


def test_worker_purges_tenants_whose_grace_is_over(doomed: Tenant) -> None:
    lifecycle.archive(doomed)
    purge_due_tenants.enqueue()
    assert len(run_enqueued_tasks()) == 2  # with the failing one of the tenant
    Tenant.objects.filter(pk=doomed.pk).update(purge_after=timezone.now())
    purge_due_tenants.enqueue()
    assert {run.state for run in run_enqueued_tasks()} == {State.DONE}
    assert _traces() == []
    assert Purge.platform.get().finished_at is not None


def test_worker_leaves_a_tenant_that_was_put_on_hold(doomed: Tenant) -> None:
    lifecycle.archive(doomed)
    Tenant.objects.filter(pk=doomed.pk).update(purge_after=timezone.now())
    purge_later.enqueue(str(doomed.pk))
    lifecycle.hold(doomed, reason="A lawsuit.")
    before = inventory(doomed)
    assert State.DONE in {run.state for run in run_enqueued_tasks()}
    assert inventory(doomed) == before


def test_dry_run_only_counts(doomed: Tenant) -> None:
    found = json.loads(_run("purge_tenant", SLUG, "--dry-run", "--json"))["found"]
    assert found == inventory(doomed)
    assert found["sample.Label"] == 5


def test_certificate_is_signed(doomed: Tenant) -> None:
    lifecycle.archive(doomed)
    done = _purge_now()
    read = json.loads(_run("purge_certificate", str(doomed.pk)))
    assert read == done
    assert (read["tenant"], read["reason"]) == (str(doomed.pk), "They asked for it.")
    assert "audit events" in read["remains"]
    purge = Purge.platform.get()
    purge.certificate = purge.certificate.replace('"sample.Label": 5', '"sample.Label": 9')
    purge.save()
    with pytest.raises(CommandError, match="not the one that was signed"):
        _run("purge_certificate", str(doomed.pk))
    with pytest.raises(CommandError, match="has been purged"):
        _run("purge_certificate", str(uuid4()))


def test_owners_are_mailed_when_a_tenant_is_archived_and_restored(
    doomed: Tenant, mailoutbox: list[Any]
) -> None:
    mailoutbox.clear()
    lifecycle.archive(doomed)
    lifecycle.restore(doomed)
    assert [mail.to for mail in mailoutbox] == [[f"owner@{CANARY}.test"]] * 2
    archived, restored = mailoutbox
    assert "archived" in archived.subject
    assert "will be deleted after" in archived.body
    assert "restored" in restored.subject
