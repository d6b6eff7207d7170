"""A tenant moves to another installation, and back."""

import shlex
import signal
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.files.base import ContentFile
from django.core.management import CommandError
from django.db import DatabaseError

from apps.isolation import ActiveTenant, tenant_context
from apps.isolation.context import activate_tenant
from apps.isolation.fields import new_id
from apps.isolation.strategy.write_fence import raise_fence
from apps.memberships.models import Membership
from apps.moves.peer import Peer
from apps.moves.tests.conftest import Installation
from apps.portability import ranges
from apps.portability.exceptions import ArchiveError
from apps.portability.exporting import Changes, ExportOptions, write_archive
from apps.portability.importing import ImportOptions, import_tenant
from apps.portability.locks import import_lock
from apps.portability.reading import Archive
from apps.portability.tables import tenant_tables
from apps.portability.tests.conftest import forget, run
from apps.privacy.models import PrivacyRequest
from apps.tenants import lifecycle
from apps.tenants.models import Purge, Tenant
from tests.sample.models import Book, Scan, Shelf

pytestmark = pytest.mark.django_db(transaction=True)

# Prints what the other installation has of the tenant.
SHOW = """
from apps.isolation import ActiveTenant
from apps.isolation.context import activate_tenant
from apps.memberships.models import Membership
from apps.tenants.models import Tenant
from tests.sample.models import Book, Note, Scan, Shelf
tenant = Tenant.objects.get(slug="{slug}")
with activate_tenant(ActiveTenant(tenant.pk)):
    print(tenant.status, tenant.name)
    print(sorted(Book.objects.values_list("title", flat=True)))
    print([scan.file.read()[:7] for scan in Scan.objects.all()], Note.objects.count())
    print(Membership.objects.for_tenant(tenant).filter(is_active=True).count())
"""
ADD = """
from apps.isolation import tenant_context
from apps.tenants.models import Tenant
from tests.sample.models import Shelf
with tenant_context(Tenant.objects.get(slug="{slug}")):
    Shelf.objects.create(name="written there")
"""


def move(tenant: Tenant, action: str, to: str, **options: Any) -> Any:
    """Run a step of the move of a tenant."""
    return run("move_tenant", tenant.slug, action, to=to, fence_seconds=0, **options)


def status(tenant: Tenant) -> str:
    return str(Tenant.objects.values_list("status", flat=True).get(pk=tenant.pk))


def statuses(tenant: Tenant, to: str) -> tuple[str, str]:
    report = move(tenant, "status", to)
    return report["here"], report["there"]


@pytest.fixture(autouse=True)
def _small_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "ROWS", 2)


def test_move_there_and_back(tenant: Tenant, other: Installation) -> None:
    to = other.command
    assert move(tenant, "start", to)["copied"] == "yes"
    with tenant_context(tenant):
        Book.objects.filter(title="book 1").delete()
        Shelf.objects.create(name="new")
        Book.objects.filter(title="first").update(title="changed")
        scan = Scan.objects.get()
        name, place = str(scan.file.name), scan.file.storage
        scan.file.save("", ContentFile(b"another scan"), save=False)
        scan.save()
        place.delete(name)
    Tenant.objects.filter(pk=tenant.pk).update(name="Acme & Sons")
    assert move(tenant, "status", to) == {
        "tenant": tenant.slug,
        "here": "active",
        "there": "importing",
    }

    assert move(tenant, "switch", to)["status"] == "moved"
    assert status(tenant) == "moved"
    assert other.run(SHOW.format(slug=tenant.slug)).splitlines() == [
        "active Acme & Sons",
        "['book 0', 'book 2', 'changed']",
        "[b'another'] 1",
        "2",
    ]

    with pytest.raises(CommandError, match="the connection is lost"):
        move(tenant, "back", other.failing("sums"))
    assert statuses(tenant, to) == ("moved", "active")
    other.run(ADD.format(slug=tenant.slug))
    with pytest.raises(CommandError, match="was changed there"):
        move(tenant, "back", to)
    assert (status(tenant), move(tenant, "status", to)["there"]) == ("moved", "active")
    assert move(tenant, "back", to, discard_changes=True)["status"] == "active"
    assert status(tenant) == "active"
    with tenant_context(tenant):
        Shelf.objects.create(name="written here again")
    assert other.run(SHOW.format(slug=tenant.slug)).splitlines()[0::3] == [
        "importing Acme & Sons",
        "0",
    ]

    assert move(tenant, "cancel", to)["status"] == "active"
    assert move(tenant, "status", to)["there"] == "absent"


def test_interruptions_before_the_tenant_has_moved(tenant: Tenant, other: Installation) -> None:
    to = other.command
    with pytest.raises(CommandError, match="The tenant is not here"):
        move(tenant, "switch", to)
    move(tenant, "start", to)
    # The third comparison is that in the pause.
    for number, failing in enumerate((other.failing("sums"), other.failing("sums", after=2))):
        with pytest.raises(CommandError, match="the connection is lost"):
            move(tenant, "switch", failing)
        assert status(tenant) == "active"
        with tenant_context(tenant):
            Shelf.objects.create(name=f"written {number}")
    assert move(tenant, "switch", to)["status"] == "moved"
    assert move(tenant, "status", to)["there"] == "active"
    with pytest.raises(CommandError, match="can be restored until"):
        run("move_tenant", tenant.slug, "complete")
    sent = len(mail.outbox)
    run("move_tenant", tenant.slug, "complete", now=True, reason="It has moved.")
    assert not Tenant.objects.exists()
    assert Purge.objects.for_tenant(tenant).get().certificate
    assert len(mail.outbox) == sent


def test_tenant_that_was_not_opened_comes_back(tenant: Tenant, other: Installation) -> None:
    to = other.command
    move(tenant, "start", to)
    with pytest.raises(CommandError, match="the connection is lost"):
        move(tenant, "switch", other.failing("open"))
    assert status(tenant) == "moved"
    with activate_tenant(ActiveTenant(tenant.pk)), pytest.raises(DatabaseError):
        Shelf.objects.create(name="too late")
    for action in ("start", "cancel"):
        with pytest.raises(CommandError, match="this one is moved"):
            move(tenant, action, to)
    with pytest.raises(CommandError, match="No other installation has opened"):
        run("move_tenant", tenant.slug, "complete", now=True, reason="Too early.")

    assert move(tenant, "back", to)["status"] == "active"
    assert move(tenant, "status", to)["there"] == "absent"
    with tenant_context(tenant):
        Shelf.objects.create(name="written")


def test_moved_tenant_that_is_nowhere_comes_back_on_request(
    tenant: Tenant, other: Installation
) -> None:
    lifecycle.begin_move(tenant)
    lifecycle.complete_move(tenant)
    with pytest.raises(CommandError, match="It is absent there"):
        move(tenant, "back", other.command)
    assert status(tenant) == "moved"
    assert move(tenant, "back", other.command, discard_changes=True)["status"] == "active"


@pytest.mark.parametrize("left", ["a hold", "a privacy request"])
def test_what_must_not_stay_prevents_a_move(left: str, tenant: Tenant) -> None:
    if left == "a hold":
        lifecycle.hold(tenant, reason="A lawsuit.")
    else:
        user = Membership.objects.for_tenant(tenant).earliest("pk").user
        PrivacyRequest.platform.create(tenant_id=tenant.pk, user_id=user.pk, kind="export")
    with pytest.raises(CommandError, match=" not move"):
        move(tenant, "switch", "true")
    assert status(tenant) == "active"


def test_killed_move_is_cancelled(tenant: Tenant, other: Installation) -> None:
    to = other.command
    move(tenant, "start", to)
    lifecycle.begin_move(tenant)
    raise_fence(tenant, seconds=5)
    assert move(tenant, "cancel", to)["status"] == "active"
    assert move(tenant, "status", to)["there"] == "absent"
    with tenant_context(tenant):
        Shelf.objects.create(name="written")


@pytest.mark.parametrize(
    ("to", "message"),
    [
        ("", "--to is missing"),
        ("/there/is/no/such/command", "No such file"),
        ("false", "failed without a message"),
        ("true", "answer of the other installation is not valid"),
    ],
)
def test_unreachable_installation_changes_nothing(to: str, message: str, tenant: Tenant) -> None:
    for action in ("start", "switch", "status"):
        with pytest.raises(CommandError, match=message):
            move(tenant, action, to)
    assert status(tenant) == "active"


def test_other_installation_starts_without_the_variables_of_this_one(
    other: Installation, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = "{*settings.ADDED_VARIABLES} & {'PATH', 'SECRET_KEY'}"
    assert other.run(f"from django.conf import settings; print({shown})") == "{'SECRET_KEY'}"
    monkeypatch.setenv("SECRET_KEY", "of this installation")
    settings.ADDED_VARIABLES = {"SECRET_KEY"}
    peer = Peer("sh -c 'env | tr \\\\n _ >&2; false' sh", new_id())
    with pytest.raises(ArchiveError, match="PATH=") as raised:
        peer.ask("status")
    assert "SECRET_KEY" not in str(raised.value)


def test_commands_are_started_ahead_and_ended(tmp_path: Path) -> None:
    """While a tenant is not written to, none must start first."""
    log = tmp_path / "log"
    script = (
        f"""echo started >> {log}; echo; cat > {tmp_path}/asked; echo '{{"status": "absent"}}'"""
    )
    peer = Peer(shlex.join(["sh", "-c", script, "sh"]), new_id())
    with peer.started("status", "sums"):
        waiting = [*peer.ready]
        assert log.read_text().split() == ["started", "started"]
        assert peer.ask("status").status == "absent"
        assert log.read_text().split() == ["started", "started"]
        assert peer.ask("status").status == "absent"
        assert log.read_text().split() == ["started", "started", "started"]
    assert [each.process.returncode for each in waiting] == [0, -signal.SIGKILL]
    assert peer.ready == []


def test_one_move_at_a_time(tenant: Tenant) -> None:
    with import_lock(tenant.pk), pytest.raises(CommandError, match="Another process"):
        move(tenant, "start", "true")


def test_archive_of_changes_is_no_tenant(tenant: Tenant, tmp_path: Path) -> None:
    path = tmp_path / "changes.tar"
    changes = Changes({label: [] for label in tenant_tables()}, frozenset())
    with path.open("wb") as file:
        write_archive(tenant, file, ExportOptions(changes=changes))
    with pytest.raises(CommandError, match="move_tenant sends such archives"):
        run("verify_tenant", tenant.slug, path)
    forget(tenant)
    for is_dry in (True, False):
        with pytest.raises(CommandError, match="move_tenant sends such archives"):
            run("import_tenant", path, dry_run=is_dry)
    with path.open("rb") as file, pytest.raises(ArchiveError, match="nothing of the tenant"):
        import_tenant(Archive(file), ImportOptions(accepts_changes=True))
    assert not Tenant.objects.exists()
