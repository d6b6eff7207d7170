"""Exporting and erasing what one tenant holds of one user."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4
from zipfile import ZipFile

import pytest
from allauth.account.models import EmailAddress
from django.apps import apps
from django.conf import settings
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import get_user_model
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import IntegrityError, connections, transaction
from django.utils import timezone
from rest_framework.exceptions import ValidationError

from apps.audit.models import AuditEvent
from apps.authentication import services as accounts
from apps.isolation import tenant_context
from apps.isolation.app_registry import SHARED_DB, is_tenant_model
from apps.isolation.fields import is_personal
from apps.isolation.integrations.sessions import SessionStore
from apps.isolation.testing import api_client, make_member
from apps.memberships.models import Membership
from apps.memberships.roles import Role
from apps.privacy import data_subject, services
from apps.privacy.models import PrivacyRequest, RequestKind, RequestStatus
from apps.privacy.tests.conftest import EMAIL, NAME, Side, texts
from apps.tasks.models import State, TaskRun
from apps.tasks.testing import run_enqueued_tasks
from apps.tenants import lifecycle
from tests.isolation.declarations import shared_models
from tests.sample.models import Scan, place_of
from tests.support import at_once, invite

API = "/api/v1/privacy-requests/"
Sides = tuple[Side, Side]


def _user(side: Side) -> Any:
    return get_user_model()._default_manager.get(pk=side.member.user_id)


def _events(side: Side) -> list[str]:
    events = AuditEvent.objects.for_tenant(side.tenant).filter(action__startswith="privacy.")
    return list(events.order_by("id").values_list("action", flat=True))


# Permissions


@pytest.mark.parametrize("kind", RequestKind.values)
@pytest.mark.parametrize("actor", list(Role))
def test_who_may_request_for_whom(
    actor: Role, kind: str, acme: Any, client_of: Callable[..., Any]
) -> None:
    """Everybody for themselves, Admins for others, and only Owners for the erasure of an Owner."""
    make_member(acme, "owner", "another@acme.test")
    for target in Role:
        client = client_of(acme, actor)
        user = make_member(acme, target, f"{target}@target.test").user
        response = client.post(API, {"kind": kind, "user": str(user.pk)})
        is_owners_end = kind == RequestKind.ERASE and target == Role.OWNER
        wanted = Role.OWNER if is_owners_end else Role.ADMIN
        assert response.status_code == (201 if actor.reaches(wanted) else 403), target
        if not actor.reaches(wanted):
            assert response.json()["code"] == "permission_denied"
            assert acme.memberships.filter(user=user).exists()
    make_member(acme, "owner", "remaining@acme.test")
    response = client_of(acme, actor).post(API, {"kind": kind})
    assert (response.status_code, response.json()["status"]) == (201, "pending")
    assert {run.state for run in run_enqueued_tasks()} == {State.DONE}
    assert PrivacyRequest.platform.get(pk=response.json()["id"]).status == "done"


def test_request_contains_kind_and_due_date(sides: Sides) -> None:
    ours, _ = sides
    path = f"{API}{ours.ask('export').json()['id']}/"
    body = ours.owner.get(path).json()
    due = timezone.now().date() + timedelta(days=settings.PRIVACY_DUE_DAYS)
    assert body["due_on"] == due.isoformat()
    assert (body["kind"], body["status"]) == ("export", "done")
    assert body["user"] == str(ours.member.user_id)
    assert ours.request("export").requested_by_id not in {None, ours.member.user_id}
    assert body["completed_at"]


@pytest.mark.parametrize("body", [{}, {"kind": "forget"}, {"kind": "erase", "user": "x"}])
def test_invalid_request_is_refused(body: dict[str, str], sides: Sides) -> None:
    assert sides[0].client.post(API, body).status_code == 400
    assert not PrivacyRequest.platform.exists()


def test_members_see_their_requests_and_admins_all(
    sides: Sides, client_of: Callable[..., Any]
) -> None:
    ours, theirs = sides
    admin, viewer = (client_of(ours.tenant, role) for role in ("admin", "viewer"))
    mine, others = ours.client.post(API, {"kind": "export"}), viewer.post(API, {"kind": "export"})
    theirs.ask("export")
    for client, seen in ((ours.client, [mine]), (viewer, [others]), (admin, [others, mine])):
        listed = [row["id"] for row in client.get(API).json()["results"]]
        assert listed == [each.json()["id"] for each in seen]
    paths = [f"{API}{each}/" for each in (others.json()["id"], theirs.request("export").pk)]
    for path in paths:
        for route in (path, f"{path}content/"):
            response, unknown = ours.client.get(route), ours.client.get(f"{API}{uuid4()}/")
            assert (response.status_code, response.content) == (404, unknown.content)
    assert admin.get(f"{paths[1]}content/").status_code == 404
    assert b"PK" in b"".join(admin.get(f"{paths[0]}content/"))


def test_user_of_another_tenant_is_unknown(sides: Sides) -> None:
    ours, theirs = sides
    stranger = make_member(theirs.tenant, "member", "stranger@example.test").user
    answers = [
        ours.ask(kind, user=str(pk)) for kind in RequestKind for pk in (stranger.pk, uuid4())
    ]
    assert {answer.status_code for answer in answers} == {400}
    assert len({answer.content for answer in answers}) == 1
    assert not PrivacyRequest.platform.exists()


@pytest.mark.parametrize("kind", RequestKind.values)
def test_data_of_a_former_member_can_be_requested(kind: str, sides: Sides) -> None:
    ours, _ = sides
    ours.tenant.memberships.filter(pk=ours.member.pk).update(is_active=False)
    assert ours.outcome(kind) == "done"
    assert ours.is_clean() == (kind == RequestKind.ERASE)


# Exports


def _archive(side: Side, client: Any) -> ZipFile:
    response = client.get(f"{API}{side.request('export').pk}/content/")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/zip"
    assert response.headers["Cache-Control"] == "private, no-store"
    assert response.headers["Content-Disposition"].startswith("attachment")
    return ZipFile(BytesIO(b"".join(response)))


def test_export_contains_exactly_the_users_rows(sides: Sides) -> None:
    ours, _ = sides
    ours.ask("export")
    archive = _archive(ours, ours.client)
    for field in data_subject._every_field():
        rows = json.loads(archive.read(f"{field.model._meta.label}.json"))
        fields = [each.name for each in data_subject._every_field() if each.model is field.model]
        user_id = str(ours.member.user_id)
        assert any(row["fields"][field.name] == user_id for row in rows), field
        assert all(user_id in {row["fields"][name] for name in fields} for row in rows), field
    assert json.loads(archive.read("authentication.User.json"))[0]["fields"]["email"] == EMAIL
    assert len(json.loads(archive.read("memberships.Membership.json"))) == 1
    assert len(json.loads(archive.read("memberships.Invitation.json"))) == 1
    assert "tenants.Tenant.json" in archive.namelist()


def test_export_contains_the_files(sides: Sides) -> None:
    ours, _ = sides
    ours.ask("export")
    with tenant_context(ours.tenant):
        (scan,) = Scan.objects.filter(uploader=ours.member.user_id)
        with scan.file.open() as file:
            content = file.read()
    archive = _archive(ours, ours.owner)
    assert archive.read(f"sample.Scan/{scan.pk}.file") == content


def test_missing_file_does_not_stop_an_export(sides: Sides) -> None:
    ours, _ = sides
    with tenant_context(ours.tenant):
        for scan in Scan.objects.all():
            default_storage.delete(place_of(scan))
    assert ours.outcome("export") == "done"
    assert "sample.Scan.json" in _archive(ours, ours.client).namelist()


def test_export_contains_no_secrets_or_foreign_data(sides: Sides) -> None:
    ours, theirs = sides
    for side in (theirs, ours):
        side.client.post(API, {"kind": "export"})
    run_enqueued_tasks()
    archive = _archive(ours, ours.client)
    # Otherwise the assertion below would prove nothing.
    both = {side.tenant.pk for side in sides}
    of_tenants = [model for model in shared_models() if hasattr(model, "tenant_id")]
    exported = [model for model in of_tenants if f"{model._meta.label}.json" in archive.namelist()]
    assert len(exported) >= 4
    for model in exported:
        assert both <= {*model._default_manager.values_list("tenant_id", flat=True)}, model
    assert AuditEvent.objects.for_tenant(theirs.tenant).filter(actor_id=ours.member.user_id)
    text = "".join(archive.read(name).decode() for name in archive.namelist())
    assert "ACME" in text
    assert "GLOBEX" not in text
    assert str(theirs.tenant.pk) not in text
    assert _user(ours).password not in text
    for invitation in ours.tenant.invitations.all():
        assert invitation.token_hash not in text
    assert "new@acme.test" not in text  # the invitee's address is not the user's data


def test_export_contains_the_users_own_events_only(sides: Sides) -> None:
    ours, _ = sides
    assert ours.owner.patch("/api/v1/tenant/", {"name": "New"}).status_code == 200
    ours.client.post(API, {"kind": "export"})
    run_enqueued_tasks()
    events = json.loads(_archive(ours, ours.client).read("audit.AuditEvent.json"))
    assert {event["fields"]["actor_id"] for event in events} == {str(ours.member.user_id)}


def test_hold_prevents_erasures(sides: Sides) -> None:
    """A request is refused; one that was made before stays open until the tenant is released."""
    ours, _ = sides
    request = services.ask_as_platform(ours.tenant.pk, RequestKind.ERASE, ours.member.user_id)
    lifecycle.hold(ours.tenant, reason="A lawsuit.")
    services.carry_out(request)
    assert request.status == RequestStatus.PENDING
    with pytest.raises(ValidationError) as refusal:
        services.ask_as_platform(ours.tenant.pk, RequestKind.ERASE, uuid4())
    assert refusal.value.get_codes() == {"kind": ["tenant_on_hold"]}
    lifecycle.release(ours.tenant)
    services.carry_out(request)
    assert request.status == RequestStatus.DONE


def test_erasure_ends_the_users_sessions_in_the_tenant_only(sides: Sides) -> None:
    """Other users' sessions, and hers in other tenants and on the shared host, continue."""
    ours, theirs = sides

    def begin(tenant: Any, user_id: object) -> str:
        with tenant_context(tenant) if tenant else nullcontext():
            session = SessionStore()
            session["_auth_user_id"] = str(user_id)
            session.save()
        return str(session.session_key)

    her = ours.member.user_id
    others = {
        begin(ours.tenant, ours.owner_id()),
        begin(ours.tenant, ""),
        begin(theirs.tenant, her),
        begin(None, her),
    }
    hers = {*ours.sessions(), begin(ours.tenant, her)}
    assert ours.outcome("erase") == "done"
    left = {*SessionStore().model.objects.values_list("session_key", flat=True)}
    assert others <= left
    assert not hers & left


def test_export_is_stored_under_the_tenants_prefix(sides: Sides) -> None:
    ours, _ = sides
    ours.ask("export")
    name = f"privacy/{ours.request('export').pk}.zip"
    assert Path(settings.MEDIA_ROOT, str(ours.tenant.pk), name).is_file()


def test_download_of_an_export_is_recorded(sides: Sides) -> None:
    ours, _ = sides
    ours.ask("export")
    _archive(ours, ours.client)
    assert _events(ours) == ["privacy.requested", "privacy.done", "privacy.content_read"]
    event = AuditEvent.objects.for_tenant(ours.tenant).get(action="privacy.content_read")
    assert event.actor_id == ours.member.user_id
    assert event.object_id == str(ours.request("export").pk)


def test_former_member_cannot_download_an_export(sides: Sides) -> None:
    ours, _ = sides
    ours.ask("export")
    path = f"{API}{ours.request('export').pk}/content/"
    _archive(ours, ours.client)
    ours.tenant.memberships.filter(pk=ours.member.pk).update(is_active=False)
    assert ours.client.get(path).status_code == 401


@pytest.mark.parametrize("gone", ["row", "file"])
def test_deleted_content_is_not_found(gone: str, sides: Sides) -> None:
    ours, _ = sides
    ours.ask("export")
    request = ours.request("export")
    if gone == "row":
        services.drop_content(request)
    else:
        with tenant_context(ours.tenant):
            default_storage.delete(f"privacy/{request.pk}.zip")
    assert ours.client.get(f"{API}{request.pk}/content/").status_code == 404
    assert _events(ours)[-1] == "privacy.done"


# Erasure


def test_erasure_does_not_change_another_tenant(sides: Sides) -> None:
    ours, theirs = sides
    ours.ask("export")
    assert ours.refer_to_her() == len(data_subject._every_field())
    assert ours.sessions()
    before, user_before = theirs.dump(), get_user_model().objects.values().get(email=EMAIL)
    response = ours.client.post(API, {"kind": "erase"})
    run_enqueued_tasks()
    assert PrivacyRequest.platform.get(pk=response.json()["id"]).status == "done"
    assert not TaskRun.platform.filter(user_id=ours.member.user_id).exists()
    assert ours.is_clean()
    assert theirs.dump() == before
    assert theirs.sessions()
    assert get_user_model().objects.values().get(email=EMAIL) == user_before
    assert theirs.client.get("/api/v1/me/").json()["user"]["full_name"] == NAME
    assert ours.client.get("/api/v1/me/").status_code == 401


def test_erasure_removes_personal_data_and_keeps_the_proof(sides: Sides) -> None:
    ours, theirs = sides
    user, staff = _user(ours), get_user_model().objects.create_superuser("staff@example.test")
    EmailAddress.objects.create(user=user, email=user.email, primary=True)
    seen = [user, ours.member, theirs.member]
    LogEntry.objects.log_actions(staff.pk, seen, CHANGE, ["role"])
    for side in sides:
        assert side.outcome("erase") == "done"
    user = _user(ours)
    assert (user.email, user.full_name) == (f"{user.pk}@erased.invalid", "")
    assert (user.is_active, user.has_usable_password(), user.last_login) == (False, False, None)
    for side in sides:
        assert side.is_clean()
        request = side.request()
        assert (request.user_id, request.status) == (user.pk, RequestStatus.DONE)
        assert request.completed_at
        assert _events(side) == ["privacy.requested", "privacy.done"]
        trail = json.dumps([row for row in side.dump() if row.startswith("audit.")])
        assert str(user.pk) in trail
    shared = "\n".join(
        text
        for model in apps.get_models(include_auto_created=True)
        if not is_tenant_model(model)
        for text in texts(SHARED_DB, model)
    )
    assert str(user.pk) in shared
    assert not [each for each in (EMAIL, NAME) if each.lower() in shared.lower()]
    body = {"email": EMAIL, "password": "correct horse battery staple"}
    assert api_client(theirs.tenant).post("/api/v1/auth/token/", body).status_code == 401


def test_rows_created_by_the_user_stay_in_the_tenant(sides: Sides) -> None:
    ours, _ = sides
    with tenant_context(ours.tenant):
        before = {
            field.model: field.model._base_manager.count()
            for field in data_subject._every_field()
            if not is_personal(field)
        }
    ours.ask("erase")
    with tenant_context(ours.tenant):
        assert before == {model: model._base_manager.count() for model in before}
        for scan in Scan.objects.all():
            assert default_storage.exists(place_of(scan))
        ours.book.refresh_from_db()
        assert ours.book.created_by_id is None


def test_personal_rows_are_deleted_with_their_files(
    sides: Sides, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = sides
    monkeypatch.setattr(Scan._meta.get_field("uploader"), "personal", True)
    with tenant_context(ours.tenant):
        before = Scan.objects.count()
        (own,) = Scan.objects.filter(uploader=ours.member.user_id)
        assert default_storage.exists(place_of(own))
    before_theirs = theirs.dump()
    ours.ask("erase")
    with tenant_context(ours.tenant):
        assert Scan.objects.count() == before - 1
        assert not default_storage.exists(place_of(own))
    assert theirs.dump() == before_theirs


def test_staff_keep_their_name(sides: Sides) -> None:
    get_user_model()._default_manager.filter(email=EMAIL).update(is_staff=True)
    for side in sides:
        assert side.outcome("erase") == "done"
    assert _user(sides[0]).email == EMAIL


def test_ended_membership_elsewhere_keeps_the_name(
    sides: Sides,
) -> None:
    ours, theirs = sides
    theirs.tenant.memberships.filter(pk=theirs.member.pk).update(is_active=False)
    ours.ask("erase")
    assert _user(ours).email == EMAIL
    theirs.ask("erase")
    assert _user(ours).email != EMAIL


def test_last_owner_stays(sides: Sides, client_of: Callable[..., Any]) -> None:
    ours, _ = sides
    owner = ours.tenant.memberships.get(role="owner")
    for body in ({"kind": "erase"}, {"kind": "erase", "user": str(owner.user_id)}):
        response = ours.owner.post(API, body)
        assert (response.status_code, response.json()["code"]) == (409, "last_owner")
    assert not PrivacyRequest.platform.exists()
    assert not _events(ours)
    assert ours.tenant.memberships.filter(pk=owner.pk, is_active=True).exists()


def test_old_credentials_are_invalid_after_rejoining(sides: Sides) -> None:
    ours, _ = sides
    body = {"email": EMAIL, "password": "correct horse battery staple"}
    pair = api_client(ours.tenant).post("/api/v1/auth/token/", body).json()
    ours.ask("erase")
    _, token = invite(ours.owner, EMAIL)
    client = api_client(ours.tenant)
    body = {"token": token, "password": "correct horse battery staple"}
    assert client.post("/api/v1/invitations/accept/", body).status_code == 200
    assert ours.client.get("/api/v1/me/").status_code == 401
    body = {"refresh": pair["refresh"]}
    assert client.post("/api/v1/auth/token/refresh/", body).status_code == 401
    assert api_client(ours.tenant, EMAIL).get("/api/v1/me/").status_code == 200


def test_erasure_ends_an_open_export(sides: Sides, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, _ = sides
    with monkeypatch.context() as broken:
        broken.setattr(data_subject, "export", _fail)
        assert ours.outcome("export") == "failed"
    ours.ask("erase")
    export = ours.request("export")
    assert (export.status, export.content.name) == (RequestStatus.DONE, "")
    services.carry_out(export)
    assert ours.is_clean()


def test_all_shared_references_to_users_are_handled() -> None:
    """Handle a new reference in `memberships.services.forget`, and in the export."""
    user = get_user_model()
    found = {
        str(field)
        for model in shared_models()
        for field in model._meta.concrete_fields
        if field.related_model is user
    }
    assert found == {
        "memberships.Invitation.invited_by",
        "memberships.Membership.invited_by",
        "memberships.Membership.user",
    }


# Failures, kills and races


def _fail(*args: Any, **kwargs: Any) -> None:
    message = "It could not be done."
    raise RuntimeError(message)


STEPS: list[tuple[Any, str]] = [
    (data_subject, "erase"),
    (services, "end_sessions"),
    (services, "drop_content"),
    (accounts, "forget"),
]


@pytest.mark.parametrize(("module", "step"), STEPS, ids=[name for _, name in STEPS])
def test_failed_request_is_reported_and_retried(
    module: Any, step: str, sides: Sides, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = sides
    ours.ask("export")
    before = theirs.dump()
    with monkeypatch.context() as broken:
        broken.setattr(module, step, _fail)
        assert ours.outcome("erase") == "failed"
    assert _events(ours)[-1] == "privacy.failed"
    assert ours.client.get("/api/v1/me/").status_code == 401
    call_command("privacy_requests", "--run")
    assert ours.request().status == RequestStatus.DONE
    assert _events(ours)[-1] == "privacy.done"
    assert ours.is_clean()
    assert theirs.dump() == before


class Killed(BaseException):
    """An error in place of the end of the process."""


@contextmanager
def _killed_at(number: int) -> Iterator[None]:
    """Abort the block before its n-th statement is sent."""
    left = number

    def count(execute: Callable[..., Any], *arguments: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0:
            raise Killed
        return execute(*arguments)

    with ExitStack() as stack:
        for connection in connections.all():
            stack.enter_context(connection.execute_wrapper(count))
        yield


# A killed process does not close its cursor.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("kind", RequestKind.values)
def test_killed_run_is_completed_by_the_next(
    kind: str, sides: Sides, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each run is killed one statement later, until one completes."""
    ours, theirs = sides
    monkeypatch.setattr(Scan._meta.get_field("uploader"), "personal", True)
    ours.ask("export")
    request = services.ask_as_platform(ours.tenant.pk, RequestKind(kind), ours.member.user_id)
    before, kills = theirs.dump(), 0
    while request.status != RequestStatus.DONE:
        assert request.status in {RequestStatus.PENDING, RequestStatus.RUNNING}
        kills += 1
        with suppress(Killed), _killed_at(kills):
            services.carry_out(request)
        request.refresh_from_db()
    assert kills > 10
    assert (request.status, _events(ours)[-1]) == (RequestStatus.DONE, "privacy.done")
    assert _events(ours).count("privacy.done") == 2
    assert ours.is_clean() == (kind == RequestKind.ERASE)
    assert theirs.dump() == before
    if kind == RequestKind.EXPORT:
        folder = Path(settings.MEDIA_ROOT, str(ours.tenant.pk), "privacy")
        assert len(list(folder.iterdir())) == 2


@pytest.mark.django_db(transaction=True)
def test_concurrent_erasures_run_once(sides: Sides) -> None:
    ours, theirs = sides
    statuses = at_once(2, lambda: ours.ask("erase").status_code)
    assert sorted(statuses) == [201, 400]
    assert ours.request().status == RequestStatus.DONE
    assert ours.is_clean()
    assert theirs.refer_to_her()


@pytest.mark.django_db(transaction=True)
def test_concurrent_runs_work_once(sides: Sides) -> None:
    ours, _ = sides
    request = services.ask_as_platform(ours.tenant.pk, RequestKind.ERASE, ours.member.user_id)
    at_once(3, lambda: services.carry_out(PrivacyRequest.platform.get(pk=request.pk)))
    assert _events(ours) == ["privacy.requested", "privacy.done"]
    assert ours.is_clean()


@pytest.mark.django_db(transaction=True)
def test_concurrent_erasures_in_two_tenants_anonymise_the_user(sides: Sides) -> None:
    waiting = iter(sides)
    at_once(2, lambda: next(waiting).ask("erase"))
    assert {side.request().status for side in sides} == {RequestStatus.DONE}
    assert _user(sides[0]).email != EMAIL


@pytest.mark.django_db(transaction=True)
def test_concurrent_owners_cannot_both_erase_themselves(acme: Any) -> None:
    emails = [f"{name}@acme.test" for name in ("one", "two")]
    clients = [api_client(acme, make_member(acme, "owner", email).user.email) for email in emails]
    waiting = iter(clients)
    statuses = at_once(2, lambda: next(waiting).post(API, {"kind": "erase"}).status_code)
    assert sorted(statuses) == [201, 409]
    assert Membership.objects.for_tenant(acme).filter(role="owner").count() == 1


def test_database_checks_requests(acme: Any) -> None:
    good = {"tenant_id": acme.pk, "user_id": uuid4(), "kind": "export"}
    bad: list[dict[str, Any]] = [
        {"kind": "forget"},
        {"status": "lost"},
        {"status": "done"},
        {"completed_at": timezone.now()},
    ]
    PrivacyRequest(**good).save()
    for each in bad:
        with pytest.raises(IntegrityError), transaction.atomic(using=SHARED_DB):
            PrivacyRequest(**good | each).save()
