"""``export_user_data``, ``erase_user_data`` and ``privacy_requests``."""

import json
from datetime import timedelta
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4
from zipfile import ZipFile

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from apps.privacy import data_subject, services
from apps.privacy.models import PrivacyRequest, RequestKind, RequestStatus
from apps.privacy.tasks import look_after_requests
from apps.privacy.tests.conftest import EMAIL, Side
from apps.tasks.models import State
from apps.tasks.testing import run_enqueued_tasks
from apps.tenants.models import Tenant
from tests.support import manage, statements

Sides = tuple[Side, Side]


def _run(*arguments: str) -> str:
    output = StringIO()
    call_command(*arguments, stdout=output)
    return output.getvalue()


def _fails(*arguments: str) -> tuple[str, str]:
    """Return the output and the error of a failing command."""
    output = StringIO()
    with pytest.raises(CommandError) as error:
        call_command(*arguments, stdout=output)
    return output.getvalue(), str(error.value)


@pytest.mark.parametrize("command", ["export_user_data", "erase_user_data"])
@pytest.mark.parametrize(
    ("tenant", "user"),
    [("acme", "nobody@example.test"), ("acme", str(UUID(int=0))), ("nowhere", EMAIL), ("", "")],
)
def test_user_without_membership_is_reported(
    command: str, tenant: str, user: str, sides: Sides
) -> None:
    _, error = _fails(command, tenant, user)
    assert error == f"{user} is not and never was a member of a tenant {tenant}."
    assert not PrivacyRequest.platform.exists()


@pytest.mark.parametrize("kind", RequestKind.values)
def test_dry_run_reports_and_writes_nothing(kind: str, sides: Sides) -> None:
    ours, _ = sides
    before = ours.dump()
    with statements() as sent:
        report = json.loads(_run(f"{kind}_user_data", "acme", EMAIL.upper(), "--dry-run", "--json"))
    assert not [each for each in sent if "SELECT" not in each]
    assert ours.dump() == before
    user_id = str(ours.member.user_id)
    assert (report["tenant"], report["user"], report["kind"]) == ("acme", user_id, kind)
    assert report["found"] == {str(field): 1 for field in data_subject._every_field()}
    assert "status" not in report


@pytest.mark.parametrize("status", ["active", "suspended", "archived"])
def test_erase_user_data_works_for_every_tenant_status(status: str, sides: Sides) -> None:
    ours, theirs = sides
    Tenant.objects.filter(pk=ours.tenant.pk).update(status=status)
    before = theirs.dump()
    output = _run("erase_user_data", "acme", str(ours.member.user_id))
    assert "sample.Book.reader: 1\n" in output
    assert "status: done\n" in output
    Tenant.objects.filter(pk=ours.tenant.pk).update(status="active")
    assert ours.is_clean()
    assert theirs.dump() == before
    assert ours.request().requested_by_id is None


def test_last_owner_is_not_erased(sides: Sides) -> None:
    _, error = _fails("erase_user_data", "acme", "owner@acme.test")
    assert error.startswith("At least one Owner must remain")
    assert not PrivacyRequest.platform.exists()


def test_nightly_task_carries_out_open_requests(sides: Sides) -> None:
    ours, _ = sides
    services.ask_as_platform(ours.tenant.pk, RequestKind.EXPORT, ours.member.user_id)
    look_after_requests.enqueue()
    assert [run.state for run in run_enqueued_tasks()] == [State.DONE]
    assert ours.request("export").status == RequestStatus.DONE


def test_failure_is_an_error(sides: Sides, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(data_subject, "erase")
    output, error = _fails("erase_user_data", "acme", EMAIL, "--json")
    assert json.loads(output)["status"] == "failed"
    assert "privacy_requests --run" in error


def test_export_user_data_makes_the_export_downloadable(sides: Sides) -> None:
    ours, _ = sides
    report = json.loads(_run("export_user_data", "acme", EMAIL, "--json"))
    assert (report["status"], report["request"]) == ("done", str(ours.request("export").pk))
    path = f"/api/v1/privacy-requests/{report['request']}/content/"
    content = ZipFile(BytesIO(b"".join(ours.client.get(path))))
    assert "sample.Book.json" in content.namelist()


def test_privacy_requests_lists_open_and_fails_for_overdue_requests(sides: Sides) -> None:
    assert _run("privacy_requests") == ""
    ours, theirs = sides
    for side in sides:
        services.ask_as_platform(side.tenant.pk, RequestKind.EXPORT, side.member.user_id)
    ours.ask("export")
    listed = sorted(line.split()[:3] for line in _run("privacy_requests").splitlines())
    assert listed == [[slug, "export", "pending"] for slug in ("acme", "globex")]
    today = timezone.now().date()
    theirs_alone = PrivacyRequest.objects.for_tenant(theirs.tenant)
    theirs_alone.update(due_on=today)
    assert "overdue" not in _run("privacy_requests")
    theirs_alone.update(due_on=today - timedelta(days=1))
    output, error = _fails("privacy_requests", "--json")
    assert error == "1 of 2 open privacy requests are overdue."
    assert {row["tenant"]: row["overdue"] for row in json.loads(output)} == {
        "acme": False,
        "globex": True,
    }
    output, _ = _fails("privacy_requests")
    assert [line.split()[0] for line in output.splitlines() if "overdue" in line] == ["globex"]


def test_privacy_requests_runs_open_requests(sides: Sides) -> None:
    for side, kind, status in zip(sides, RequestKind, ("running", "failed"), strict=True):
        request = services.ask_as_platform(side.tenant.pk, kind, side.member.user_id)
        PrivacyRequest.platform.filter(pk=request.pk).update(status=status)
    assert _run("privacy_requests", "--run") == ""
    done = PrivacyRequest.platform.filter(status=RequestStatus.DONE)
    assert done.count() == len(sides)
    assert sides[1].is_clean()


def test_privacy_requests_purges_old_content(sides: Sides) -> None:
    for side in sides:
        side.ask("export")
    ours, theirs = (side.request("export") for side in sides)
    kept = timedelta(days=settings.PRIVACY_CONTENT_DAYS)
    rows = PrivacyRequest.platform
    rows.filter(pk=ours.pk).update(completed_at=timezone.now() - kept - timedelta(minutes=1))
    rows.filter(pk=theirs.pk).update(completed_at=timezone.now() - kept + timedelta(minutes=1))
    _run("privacy_requests", "--purge")
    files = [path.name for path in Path(settings.MEDIA_ROOT).rglob("*.zip")]
    assert files == [f"{theirs.pk}.zip"]
    path = f"/api/v1/privacy-requests/{ours.pk}/"
    assert sides[0].client.get(f"{path}content/").status_code == 404
    assert sides[0].client.get(path).json()["status"] == "done"


@pytest.mark.django_db(transaction=True)
def test_exit_codes(acme: Any) -> None:
    row = PrivacyRequest(tenant_id=acme.pk, user_id=uuid4(), kind="export")
    row.save()
    PrivacyRequest.platform.update(due_on=timezone.now().date() - timedelta(days=1))
    overdue = manage("privacy_requests", "--json")
    assert overdue.returncode == 1
    assert json.loads(overdue.stdout)[0]["overdue"]
    assert "overdue" in overdue.stderr
    assert manage("erase_user_data", "acme", "x@example.test").returncode == 1
