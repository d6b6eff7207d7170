"""The audit log: events are written in the recorded transaction and never change."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import DatabaseError, connections, transaction
from django.db.transaction import TransactionManagementError
from django.test import Client

from apps.audit.models import AuditEvent
from apps.audit.services import Action, record
from apps.isolation.app_registry import OWNER, SHARED_DB
from apps.isolation.cross_tenant import cross_tenant
from apps.isolation.managers import TenantRequired
from apps.isolation.testing import make_member

CHANGES = {
    "update": "UPDATE audit_auditevent SET reason = 'another'",
    "update of no row": "UPDATE audit_auditevent SET reason = 'another' WHERE false",
    "delete": "DELETE FROM audit_auditevent",
}


@pytest.fixture
def event(transactional_db: None, acme: Any) -> AuditEvent:
    with transaction.atomic(using=SHARED_DB):
        record(Action.TENANT_CHANGED, acme, tenant=acme, actor=make_member(acme, "owner").user)
    event: AuditEvent = AuditEvent.objects.for_tenant(acme).get()
    return event


@pytest.mark.parametrize("alias", [SHARED_DB, OWNER])
@pytest.mark.parametrize("change", CHANGES)
def test_database_refuses_to_change_an_event(change: str, alias: str, event: AuditEvent) -> None:
    reason = "permission denied" if alias == SHARED_DB else "append-only"
    with pytest.raises(DatabaseError, match=reason), connections[alias].cursor() as cursor:
        cursor.execute(CHANGES[change])
    assert AuditEvent.platform.get().reason == event.reason


def test_run_time_role_cannot_truncate_the_table(event: AuditEvent) -> None:
    with pytest.raises(DatabaseError), connections[SHARED_DB].cursor() as cursor:
        cursor.execute("TRUNCATE audit_auditevent")
    with pytest.raises(DatabaseError):
        event.delete()
    event.reason = "another"
    with pytest.raises(DatabaseError):
        event.save()
    assert AuditEvent.platform.get().reason == ""


def test_constraint_can_be_removed_and_recreated(event: AuditEvent) -> None:
    (constraint,) = AuditEvent._meta.constraints
    assert constraint == constraint.clone()
    with connections[OWNER].schema_editor() as editor:
        editor.remove_constraint(AuditEvent, constraint)
    AuditEvent.platform.update(reason="another")
    with connections[OWNER].schema_editor() as editor:
        editor.add_constraint(AuditEvent, constraint)
    with pytest.raises(DatabaseError):
        AuditEvent.platform.update(reason="a third")


def test_event_records_actor_action_and_object(acme: Any) -> None:
    actor = make_member(acme, "owner").user
    member = make_member(acme, "member")
    before, after = {"role": "member", "same": 1}, {"role": "admin", "same": 1}
    with transaction.atomic(using=SHARED_DB):
        record(
            Action.MEMBER_ROLE_CHANGED,
            member,
            tenant=acme,
            actor=actor,
            before=before,
            after=after,
        )
    event = AuditEvent.objects.for_tenant(acme).get()
    assert (event.action, event.actor_id) == ("member.role_changed", actor.pk)
    assert (event.object_type, event.object_id) == ("memberships.membership", str(member.pk))
    assert event.changes == {"role": {"before": "member", "after": "admin"}}
    assert str(event).endswith("member.role_changed")


@pytest.mark.parametrize("name", ["password", "token_hash", "api_key", "client_secret"])
def test_secret_values_are_not_recorded(name: str, acme: Any) -> None:
    with transaction.atomic(using=SHARED_DB):
        record(
            Action.TENANT_CHANGED, acme, tenant=acme, actor=None, before={name: 1}, after={name: 2}
        )
    assert AuditEvent.platform.get().changes == {name: {"before": "…", "after": "…"}}


@pytest.mark.django_db(transaction=True)
def test_event_is_rolled_back_with_the_change(acme: Any) -> None:
    with pytest.raises(TransactionManagementError):
        record(Action.TENANT_CHANGED, acme, tenant=acme, actor=None)
    with pytest.raises(ZeroDivisionError), transaction.atomic(using=SHARED_DB):
        record(Action.TENANT_CHANGED, acme, tenant=acme, actor=None)
        raise ZeroDivisionError
    assert not AuditEvent.platform.exists()


def test_event_outlives_its_tenant(event: AuditEvent, acme: Any) -> None:
    with connections[OWNER].cursor() as cursor:
        cursor.execute("DELETE FROM memberships_membership")
        cursor.execute("DELETE FROM tenants_domain")
        cursor.execute("DELETE FROM tenants_tenant")
        cursor.execute("DELETE FROM authentication_user")
    assert AuditEvent.objects.for_tenant(acme.pk).get() == event


def test_events_require_for_tenant(acme: Any, globex: Any) -> None:
    with transaction.atomic(using=SHARED_DB):
        for tenant in (acme, globex):
            record(Action.TENANT_CHANGED, tenant, tenant=tenant, actor=None)
    assert AuditEvent.objects.for_tenant(globex).get().object_id == str(globex.pk)
    with pytest.raises(TenantRequired):
        AuditEvent.objects.all()


@pytest.mark.django_db(transaction=True)
def test_cross_tenant_work_is_recorded_before_it_begins() -> None:
    with cross_tenant(reason="monthly usage"):
        event = AuditEvent.platform.get()
    assert (event.action, event.reason) == ("platform.cross_tenant", "monthly usage")
    assert (event.tenant_id, event.actor_id) == (None, None)


@pytest.mark.django_db(transaction=True)
def test_cross_tenant_work_requires_a_committed_event() -> None:
    with (
        transaction.atomic(using=SHARED_DB),
        pytest.raises(RuntimeError, match="durable"),
        cross_tenant(reason="x"),
    ):
        pytest.fail("entered")


def test_staff_can_read_events_only(event: AuditEvent) -> None:
    users: Any = get_user_model()._default_manager
    users.create_superuser("staff@example.test", "correct horse battery staple")
    client = Client(headers={"Host": "localhost"})
    login = {"username": "staff@example.test", "password": "correct horse battery staple"}
    client.post("/admin/login/", login)
    path = "/admin/audit/auditevent/"
    assert b"tenant.changed" in client.get(f"{path}?q={event.tenant_id}").content
    assert client.get(f"{path}{event.pk}/change/").status_code == 200
    for page in ("add/", f"{event.pk}/change/", f"{event.pk}/delete/"):
        assert client.post(f"{path}{page}", {"post": "yes"}).status_code == 403
