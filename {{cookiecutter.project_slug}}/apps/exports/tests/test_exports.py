"""Owners order, download and lose archives of their tenant."""

import json
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.utils import timezone
from rest_framework.exceptions import PermissionDenied

from apps.audit.models import AuditEvent
from apps.exports import services
from apps.exports.models import TenantExport
from apps.exports.tasks import delete_old_archives
from apps.isolation import ActiveTenant, tenant_context
from apps.isolation.context import activate_tenant
from apps.isolation.testing import api_client, make_member
from apps.isolation.testing.people import PASSWORD
from apps.memberships.models import Membership
from apps.portability import exporting
from apps.tasks.testing import run_enqueued_tasks
from apps.tenants import lifecycle
from apps.tenants.models import Tenant
from apps.tenants.services import create_tenant
from tests.sample.models import Label
from tests.support import at_once

pytestmark = pytest.mark.usefixtures("provisioning")

API = "/api/v1/exports/"
BODY = {"current_password": PASSWORD}


@pytest.fixture
def owner() -> Membership:
    """Return an Owner's membership of a tenant that has rows."""
    tenant = create_tenant(slug="acme", name="Acme")
    with tenant_context(tenant):
        Label.objects.create(word="of acme")
    member: Membership = make_member(tenant, "owner")
    return member


@pytest.fixture
def client(owner: Membership) -> Any:
    """Return an API client of the Owner."""
    return api_client(owner.tenant, owner.user.email)


def _export() -> TenantExport:
    return TenantExport.platform.get()


def _is_stored(export: TenantExport) -> bool:
    with tenant_context(export.tenant):
        return default_storage.exists(f"exports/{export.pk}.tar")


def _content(client: Any) -> Any:
    response = client.get(f"{API}{_export().pk}/content/")
    response.close()
    return response


def _body(response: Any) -> bytes:
    return b"".join(response.streaming_content)


def test_owner_downloads_an_archive_of_the_tenant(client: Any, tmp_path: Path) -> None:
    ordered = client.post(API, BODY)
    assert (ordered.status_code, ordered.json()["status"]) == (201, "pending")
    assert _content(client).status_code == 404
    run_enqueued_tasks()
    shown = client.get(f"{API}{ordered.json()['id']}/").json()
    response = client.get(f"{API}{_export().pk}/content/")
    assert response.headers["Content-Type"] == "application/x-tar"
    assert response.headers["Cache-Control"] == "private, no-store"
    assert f'filename="acme-{timezone.now():%Y-%m-%d}.tar"' in response["Content-Disposition"]
    archive = tmp_path / "acme.tar"
    archive.write_bytes(_body(response))
    assert (shown["status"], shown["size"]) == ("done", archive.stat().st_size)
    output = StringIO()
    call_command("verify_tenant", "acme", str(archive), json=True, stdout=output)
    assert json.loads(output.getvalue())["differences"] == []


def test_owners_are_mailed_when_an_export_is_ordered_and_ready(
    client: Any, owner: Membership, mailoutbox: list[Any]
) -> None:
    other = make_member(owner.tenant, "owner", "other@acme.test")
    make_member(owner.tenant, "admin")
    client.post(API, BODY)
    assert owner.user.email in mailoutbox[0].body
    run_enqueued_tasks()
    both = sorted([[owner.user.email], [other.user.email]])
    assert [mail.to for mail in mailoutbox] == both * 2
    assert owner.tenant.url("/settings/exports/") in mailoutbox[-1].body


def test_audit_log_records_order_and_download(client: Any, owner: Membership) -> None:
    client.post(API, BODY)
    run_enqueued_tasks()
    _content(client)
    events = AuditEvent.objects.for_tenant(owner.tenant).filter(action__startswith="export.")
    found = list(events.order_by("pk").values_list("action", "actor_id"))
    assert found == [("export.ordered", owner.user_id), ("export.read", owner.user_id)]


def test_order_requires_the_password(client: Any) -> None:
    for body in ({}, {"current_password": "wrong"}):
        refusal = client.post(API, body)
        assert (refusal.status_code, list(refusal.json())) == (400, ["current_password"])
    assert not TenantExport.platform.exists()


@pytest.mark.parametrize("role", ["admin", "member", "viewer"])
def test_service_refuses_orders_of_others(role: str, owner: Membership) -> None:
    with pytest.raises(PermissionDenied):
        services.order(make_member(owner.tenant, role))
    assert not TenantExport.platform.exists()


def test_another_tenants_owner_finds_no_export(client: Any) -> None:
    client.post(API, BODY)
    run_enqueued_tasks()
    stranger = make_member(create_tenant(slug="globex", name="Globex"), "owner", "o@globex.test")
    theirs = api_client(stranger.tenant, stranger.user.email)
    assert theirs.get(API).json()["results"] == []
    assert _content(theirs).status_code == 404


# Limits


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({}, 429),
        ({"created_at": timezone.now() - timedelta(hours=25)}, 201),
        ({"created_at": timezone.now() - timedelta(hours=25), "status": "pending"}, 429),
        ({"created_at": timezone.now() - timedelta(hours=25), "status": "failed"}, 201),
        ({"status": "failed"}, 201),
        ({"status": "expired"}, 201),
    ],
)
def test_recent_or_unfinished_export_delays_the_next(
    values: dict[str, Any], status: int, client: Any, settings: Any
) -> None:
    settings.TENANT_EXPORT_HOURS = 24
    client.post(API, BODY)
    run_enqueued_tasks()
    TenantExport.platform.update(**values)
    response = client.post(API, BODY)
    assert response.status_code == status
    if status == 429:
        assert response.json()["code"] == "export_too_soon"
        assert 60 <= int(response.headers["Retry-After"]) <= 24 * 3600


def test_tenant_with_too_many_files_is_refused(
    client: Any, owner: Membership, settings: Any
) -> None:
    settings.TENANT_EXPORT_BYTES = 10
    with tenant_context(owner.tenant):
        default_storage.save("large", ContentFile(b"x" * 11))
    response = client.post(API, BODY)
    assert (response.status_code, response.json()["code"]) == (413, "export_too_large")
    settings.TENANT_EXPORT_BYTES = 11
    assert client.post(API, BODY).status_code == 201


def test_earlier_archives_do_not_count_as_files(client: Any, settings: Any) -> None:
    settings.TENANT_EXPORT_BYTES = 1
    assert client.post(API, BODY).status_code == 201
    run_enqueued_tasks()
    assert client.post(API, BODY).status_code == 201


@pytest.mark.two_connections
def test_concurrent_orders_create_one_export(client: Any) -> None:
    assert sorted(at_once(3, lambda: client.post(API, BODY).status_code)) == [201, 429, 429]


# Failures


def test_failed_export_is_written_by_the_next_attempt(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.post(API, BODY)
    with monkeypatch.context() as patch:
        patch.setattr(services, "export_tenant", _fail)
        run_enqueued_tasks()
    assert _export().status == "failed"
    assert not _is_stored(_export())
    services.write_later.func(str(_export().pk))
    assert _export().status == "done"


def test_failure_while_the_archive_is_stored_leaves_no_order_done(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.post(API, BODY)
    with monkeypatch.context() as patch:
        patch.setattr(services, "mail_owners", _fail)
        run_enqueued_tasks()
    assert _export().status == "failed"
    assert _content(client).status_code == 404
    services.write_later.func(str(_export().pk))
    assert _content(client).status_code == 200


def _fail(*args: object, **options: object) -> None:
    raise OSError("No space left on device")


def test_second_run_of_the_task_changes_nothing(client: Any, mailoutbox: list[Any]) -> None:
    client.post(API, BODY)
    run_enqueued_tasks()
    before, mails = _export().completed_at, len(mailoutbox)
    services.write_later.func(str(_export().pk))
    assert (_export().completed_at, len(mailoutbox)) == (before, mails)


# The end of an export


def test_old_archives_are_deleted(client: Any, settings: Any) -> None:
    client.post(API, BODY)
    run_enqueued_tasks()
    delete_old_archives.enqueue()
    run_enqueued_tasks()
    assert _is_stored(_export())
    TenantExport.platform.update(
        completed_at=timezone.now() - timedelta(days=settings.TENANT_EXPORT_DAYS, hours=1)
    )
    delete_old_archives.enqueue()
    run_enqueued_tasks()
    assert _export().status == "expired"
    assert not _is_stored(_export())
    assert _content(client).status_code == 404


def test_hold_keeps_old_archives(client: Any, owner: Membership) -> None:
    client.post(API, BODY)
    run_enqueued_tasks()
    lifecycle.hold(owner.tenant, reason="A lawsuit.")
    TenantExport.platform.update(completed_at=timezone.now() - timedelta(days=100))
    services.expire_old()
    assert _is_stored(_export())


def _erase(client: Any, owner: Membership) -> None:
    member = make_member(owner.tenant, "member", "gone@acme.test")
    body = {"kind": "erase", "user": str(member.user_id)}
    assert client.post("/api/v1/privacy-requests/", body).status_code == 201


def test_erasure_deletes_archives(client: Any, owner: Membership) -> None:
    client.post(API, BODY)
    run_enqueued_tasks()
    _erase(client, owner)
    run_enqueued_tasks()
    assert _export().status == "expired"
    assert not _is_stored(_export())


def test_archive_that_an_erasure_overtakes_is_discarded(
    client: Any, owner: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.post(API, BODY)
    write = exporting.export_tenant

    def write_slowly(*args: Any) -> Any:
        report = write(*args)
        services.expire(ActiveTenant(owner.tenant_id))
        return report

    monkeypatch.setattr(services, "export_tenant", write_slowly)
    run_enqueued_tasks()
    assert _export().status == "expired"
    assert not _is_stored(_export())


def test_archive_that_a_purge_overtakes_is_discarded(
    client: Any, owner: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.post(API, BODY)
    write = exporting.export_tenant

    def write_slowly(*args: Any) -> Any:
        report = write(*args)
        Tenant.objects.filter(pk=owner.tenant_id).update(status="purging")
        return report

    monkeypatch.setattr(services, "export_tenant", write_slowly)
    run_enqueued_tasks()
    assert _export().status == "pending"
    with activate_tenant(ActiveTenant(owner.tenant_id)):
        assert not default_storage.exists(f"exports/{_export().pk}.tar")


def test_export_of_a_worker_that_was_lost_fails(client: Any) -> None:
    client.post(API, BODY)
    TenantExport.platform.update(created_at=timezone.now() - timedelta(hours=25))
    services.fail_lost()
    assert _export().status == "failed"
    assert client.post(API, BODY).status_code == 201


def test_task_of_a_purged_tenant_does_nothing(client: Any, owner: Membership) -> None:
    client.post(API, BODY)
    task = str(_export().pk)
    lifecycle.archive(owner.tenant)
    reason = ["--now", "--reason", "They asked for it."]
    call_command("purge_tenant", "acme", "--confirm", "acme", *reason, stdout=StringIO())
    assert not Tenant.objects.exists()
    services.write_later.func(task)
    assert not TenantExport.platform.exists()
