"""Roles, memberships and invitations (CT07, CT13, CT14)."""

import json
import logging
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth import get_user_model
from django.core import mail
from django.http import HttpRequest
from django.test import TestCase
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.test import APIClient

from apps.authentication.permissions import HasRole
from apps.isolation.app_registry import SHARED_DB
from apps.isolation.testing import api_client, make_member
from apps.memberships import services
from apps.memberships.invitations import accept as accept_invitation
from apps.memberships.models import Invitation, Membership
from apps.memberships.roles import Role
from tests.support import at_once, invite, mailed_token

API = "/api/v1/"
PASSWORD = "correct horse battery staple"
BETTER = "a battery staples no horses"


def _put(membership: Any, role: str) -> None:
    Membership.platform.filter(pk=membership.pk).update(role=role, is_active=True)


def _role(membership: Any) -> tuple[str, bool]:
    """Return the stored role, and whether the membership is active."""
    row: tuple[str, bool] = Membership.platform.values_list("role", "is_active").get(
        pk=membership.pk
    )
    return row


def _refusal(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


# Demotion and removal take effect on the next request (CT07)


@pytest.fixture
def owner(acme: Any, client_of: Callable[..., Any]) -> APIClient:
    client: APIClient = client_of(acme, "owner")
    return client


def _log_in(tenant: Any, email: str) -> tuple[APIClient, str]:
    """Return a client with an access token, and its refresh token."""
    client = api_client(tenant)
    body = {"email": email, "password": PASSWORD}
    pair = client.post(f"{API}auth/token/", body).json()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {pair['access']}")
    return client, pair["refresh"]


def test_ct07_demotion_applies_to_existing_tokens(acme: Any, owner: APIClient) -> None:
    member = make_member(acme, "admin")
    client, refresh = _log_in(acme, member.user.email)
    for role, may_invite, may_write in (
        ("admin", 200, 201),
        ("member", 403, 201),
        ("viewer", 403, 403),
        ("admin", 200, 201),
    ):
        assert owner.patch(f"{API}members/{member.pk}/", {"role": role}).status_code == 200
        assert client.get(f"{API}invitations/").status_code == may_invite
        assert client.post(f"{API}sample/shelves/", {"name": str(uuid4())}).status_code == may_write
    owner.patch(f"{API}members/{member.pk}/", {"role": "viewer"})
    pair = client.post(f"{API}auth/token/refresh/", {"refresh": refresh}).json()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {pair['access']}")
    assert client.post(f"{API}sample/shelves/", {"name": "x"}).status_code == 403


@pytest.mark.parametrize("how", ["removed", "left"])
def test_ct07_tokens_of_a_former_member_are_invalid(how: str, acme: Any, owner: APIClient) -> None:
    member = make_member(acme, "admin")
    client, refresh = _log_in(acme, member.user.email)
    assert client.get(f"{API}me/").status_code == 200
    if how == "removed":
        assert owner.delete(f"{API}members/{member.pk}/").status_code == 204
    else:
        assert client.post(f"{API}members/leave/").status_code == 204
    assert _refusal(client.get(f"{API}me/")) == (401, "no_active_account")
    for path, body in (
        ("auth/token/refresh/", {"refresh": refresh}),
        ("auth/token/verify/", {"token": refresh}),
        ("auth/token/", {"email": member.user.email, "password": PASSWORD}),
    ):
        assert api_client(acme).post(f"{API}{path}", body).status_code == 401
    client.defaults["HTTP_HOST"] = "localhost"
    assert _refusal(client.get(f"{API}me/", headers={"Host": "localhost"}))[0] == 404


# Who may do what (CT13)

ROLES_OF_ROUTES = {
    "audit-events/": {"get": Role.ADMIN},
    "exports/": {"get": Role.OWNER, "post": Role.OWNER},
    "exports/{id}/": {"get": Role.OWNER},
    "exports/{id}/content/": {"get": Role.OWNER},
    "invitations/": {"get": Role.ADMIN, "post": Role.ADMIN},
    "invitations/{id}/": {"delete": Role.ADMIN},
    "invitations/{id}/resend/": {"post": Role.ADMIN},
    "me/": {"get": Role.VIEWER},
    "me/photo/": {"put": Role.VIEWER, "delete": Role.VIEWER},
    "members/": {"get": Role.VIEWER},
    "members/leave/": {"post": Role.VIEWER},
    "members/{id}/": {"delete": Role.ADMIN, "patch": Role.ADMIN},
    "privacy-requests/": {"get": Role.VIEWER, "post": Role.VIEWER},
    "privacy-requests/{id}/": {"get": Role.VIEWER},
    "privacy-requests/{id}/content/": {"get": Role.VIEWER},
    "profiles/{id}/photo/": {"get": Role.VIEWER},
    "tenant/": {"get": Role.VIEWER, "patch": Role.ADMIN},
    "tenant/transfer-ownership/": {"post": Role.OWNER},
}


def _patterns(resolver: URLResolver, prefix: str = "/") -> Iterator[tuple[str, Any]]:
    for pattern in resolver.url_patterns:
        path = prefix + str(pattern.pattern).lstrip("^").rstrip("$")
        if isinstance(pattern, URLResolver):
            yield from _patterns(pattern, path)
        elif isinstance(pattern, URLPattern):
            yield re.sub(r"\(\?P<\w+>.*?\)|<\w+:\w+>", "{id}", path), pattern.callback


def _actions() -> Iterator[tuple[str, str, Role]]:
    """Yield method, path and required role of all routes for members."""
    for path, view in _patterns(get_resolver("config.urls.tenant")):
        if path.startswith(API) and HasRole in view.cls.permission_classes:
            methods = getattr(view, "actions", None) or {
                method
                for method in ("get", "post", "put", "patch", "delete")
                if hasattr(view.cls, method)
            }
            for method in sorted(methods):
                attribute = "read_role" if method == "get" else "write_role"
                yield method, path, getattr(view.cls, attribute)


ACTIONS = sorted(_actions())


@pytest.mark.parametrize(("method", "path", "wanted"), ACTIONS)
def test_ct13_route_requires_its_role(
    method: str, path: str, wanted: Role, acme: Any, client_of: Callable[..., Any]
) -> None:
    clients = {role: client_of(acme, role) for role in Role}
    for role, client in clients.items():
        response = getattr(client, method)(path.replace("{id}", str(uuid4())), {})
        if role.reaches(wanted):
            assert response.status_code not in {401, 403, 405}, (role, response.content)
            assert response.status_code < 500
        else:
            assert _refusal(response) == (403, "permission_denied"), role


def test_ct13_required_roles_of_routes() -> None:
    found: dict[str, dict[str, Role]] = {}
    for method, path, wanted in ACTIONS:
        found.setdefault(path.removeprefix(API), {})[method] = wanted
    wrong = {
        path: found.get(path) for path, roles in ROLES_OF_ROUTES.items() if found.get(path) != roles
    }
    # Routes without a required role, such as PATCH me/, are not listed here.
    assert not {path: roles for path, roles in wrong.items() if path != "me/"}


@pytest.mark.parametrize("actor", list(Role))
def test_ct13_who_may_change_a_role(actor: Role, acme: Any, client_of: Callable[..., Any]) -> None:
    """All 4 x 4 x 4 combinations. An Admin can neither change nor create an Owner."""
    make_member(acme, "owner", "another@acme.test")
    client, member = client_of(acme, actor), make_member(acme, "member", "target@acme.test")
    for before in Role:
        for after in Role:
            _put(member, before)
            response = client.patch(f"{API}members/{member.pk}/", {"role": after})
            concerns_owners = Role.OWNER in {before, after}
            if actor == Role.OWNER or (actor == Role.ADMIN and not concerns_owners):
                assert response.status_code == 200, (before, after)
                assert response.json()["role"] == after
                assert _role(member) == (after, True)
            else:
                assert _refusal(response) == (403, "permission_denied"), (before, after)
                assert _role(member) == (before, True)


@pytest.mark.parametrize("actor", list(Role))
def test_ct13_who_may_remove_a_member(
    actor: Role, acme: Any, client_of: Callable[..., Any]
) -> None:
    make_member(acme, "owner", "another@acme.test")
    client, member = client_of(acme, actor), make_member(acme, "member", "target@acme.test")
    for role in Role:
        _put(member, role)
        status = client.delete(f"{API}members/{member.pk}/").status_code
        may = actor == Role.OWNER or (actor == Role.ADMIN and role != Role.OWNER)
        assert status == (204 if may else 403), role
        assert _role(member) == (role, not may)


@pytest.mark.parametrize("actor", list(Role))
def test_ct13_who_may_transfer_ownership(
    actor: Role, acme: Any, client_of: Callable[..., Any]
) -> None:
    client, member = client_of(acme, actor), make_member(acme, "member", "target@acme.test")
    asking = acme.memberships.get(user__email=f"{actor}@acme.test")
    for role in Role:
        _put(member, role)
        _put(asking, actor)
        body = {"member": str(member.pk)}
        status = client.post(f"{API}tenant/transfer-ownership/", body).status_code
        if actor == Role.OWNER:
            assert (status, _role(member)[0], _role(asking)[0]) == (200, "owner", "admin")
        else:
            assert (status, _role(member)[0], _role(asking)[0]) == (403, role, actor)


@pytest.mark.parametrize("actor", list(Role))
def test_ct13_who_may_invite(actor: Role, acme: Any, client_of: Callable[..., Any]) -> None:
    client = client_of(acme, actor)
    for role in Role:
        body = {"email": f"new-{role}@example.test", "role": role}
        status = client.post(f"{API}invitations/", body).status_code
        if actor.reaches(Role.ADMIN):
            assert status == (400 if role == Role.OWNER else 201), role
        else:
            assert status == 403, role
    assert not acme.invitations.filter(role=Role.OWNER).exists()


@pytest.mark.parametrize("has_other", [None, "inactive member", "inactive user", "owner"])
def test_ct13_last_active_owner_cannot_leave(
    has_other: str | None, acme: Any, owner: APIClient
) -> None:
    if has_other:
        other = make_member(acme, "owner", "another@acme.test")
        if has_other == "inactive member":
            Membership.platform.filter(pk=other.pk).update(is_active=False)
        elif has_other == "inactive user":
            type(other.user)._default_manager.filter(pk=other.user.pk).update(is_active=False)
    last = acme.memberships.get(user__email="owner@acme.test")
    is_last = has_other != "owner"
    path = f"{API}members/{last.pk}/"
    ways: dict[str, tuple[Callable[[], Any], Any]] = {
        "demoted": (lambda: owner.patch(path, {"role": "admin"}), ("admin", True)),
        "removed": (lambda: owner.delete(path), ("owner", False)),
        "left": (lambda: owner.post(f"{API}members/leave/"), ("owner", False)),
    }
    for ask, done in ways.values():
        _put(last, Role.OWNER)
        response = ask()
        if is_last:
            assert _refusal(response) == (409, "last_owner")
            assert _role(last) == ("owner", True)
        else:
            assert response.status_code in {200, 204}
            assert _role(last) == done
    _put(last, Role.OWNER)
    assert owner.patch(path, {"role": "owner"}).status_code == 200


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("how", ["demote each other", "remove each other", "leave"])
def test_ct13_concurrent_owners_cannot_both_leave(how: str, acme: Any) -> None:
    owners = [make_member(acme, "owner", f"{name}@acme.test") for name in ("one", "two")]
    clients = [api_client(acme, each.user.email) for each in owners]

    def ask(pairs: Iterator[tuple[APIClient, Any]]) -> int:
        client, other = next(pairs)
        if how == "demote each other":
            return client.patch(f"{API}members/{other.pk}/", {"role": "viewer"}).status_code
        if how == "remove each other":
            return client.delete(f"{API}members/{other.pk}/").status_code
        return client.post(f"{API}members/leave/").status_code

    for _ in range(5):
        for each in owners:
            _put(each, Role.OWNER)
        pairs = iter(zip(clients, reversed(owners), strict=True))
        statuses = sorted(at_once(2, partial(ask, pairs)))
        assert statuses[0] in {200, 204}
        assert statuses[1] in {401, 403, 409}
        assert acme.memberships.filter(role="owner", is_active=True).count() == 1


@pytest.mark.parametrize("stored", ["viewer", "admin", None])
def test_ct13_role_is_read_when_the_service_decides(stored: str | None, acme: Any) -> None:
    """The sender is demoted or removed while the request is being processed."""
    make_member(acme, "owner", "another@acme.test")
    asking, member = make_member(acme, "owner"), make_member(acme, "member")
    changes = {"role": stored} if stored else {"is_active": False}
    Membership.platform.filter(pk=asking.pk).update(**changes)
    with pytest.raises(PermissionDenied):
        services.change_role(asking, member.pk, Role.OWNER)
    with pytest.raises(PermissionDenied):
        services.transfer_ownership(asking, member.pk)
    assert _role(member) == ("member", True)


def test_ct13_role_applies_in_its_tenant_only(acme: Any, globex: Any) -> None:
    ours = make_member(acme, "viewer", "mia@example.test")
    make_member(globex, "owner", "mia@example.test")
    client, theirs = api_client(acme, "mia@example.test"), make_member(globex, "member")
    for method, path, wanted in ACTIONS:
        _put(ours, Role.VIEWER)  # one of the routes leaves the tenant
        response = getattr(client, method)(path.replace("{id}", str(uuid4())), {})
        if wanted != Role.VIEWER:
            assert response.status_code == 403, (method, path)
    _put(ours, Role.OWNER)
    client = api_client(acme, "mia@example.test")
    for member_id in (theirs.pk, uuid4()):
        path = f"{API}members/{member_id}/"
        for response in (client.patch(path, {"role": "viewer"}), client.delete(path)):
            assert _refusal(response) == (404, "not_found")
        body = {"member": str(member_id)}
        response = client.post(f"{API}tenant/transfer-ownership/", body)
        assert response.status_code == 400
        assert list(response.json()) == ["member"]
    assert _role(theirs) == ("member", True)


def test_ct13_foreign_invitations_and_events_are_hidden(
    acme: Any, globex: Any, client_of: Callable[..., Any]
) -> None:
    theirs, _ = invite(client_of(globex, "owner"), "canary@globex.example")
    ours, _ = invite(client_of(acme, "owner"), "ours@acme.example")
    client = client_of(acme, "owner")
    for path in ("members/", "invitations/", "audit-events/"):
        rows = client.get(f"{API}{path}").json()["results"]
        assert rows
        assert "globex" not in json.dumps(rows)
        assert theirs not in json.dumps(rows)
    for invitation in (theirs, str(uuid4())):
        path = f"{API}invitations/{invitation}/"
        assert _refusal(client.delete(path)) == (404, "not_found")
        assert _refusal(client.post(f"{path}resend/")) == (404, "not_found")
    assert Invitation.platform.get(pk=theirs).revoked_at is None
    assert client.delete(f"{API}invitations/{ours}/").status_code == 204


def test_ct13_admin_cannot_edit_a_user(acme: Any, client_of: Callable[..., Any]) -> None:
    member = make_member(acme, "member")
    before = get_user_model()._default_manager.values().get(pk=member.user.pk)
    body = {
        "role": "viewer",
        "email": "stolen@example.test",
        "full_name": "Stolen",
        "is_active": False,
        "is_staff": True,
        "password": "stolen",
        "tenant": str(uuid4()),
        "user": str(uuid4()),
    }
    response = client_of(acme, "admin").patch(f"{API}members/{member.pk}/", body)
    assert response.status_code == 200
    assert get_user_model()._default_manager.values().get(pk=member.user.pk) == before
    assert _role(member) == ("viewer", True)


# Who gets in (CT14)


@pytest.fixture
def accept() -> Callable[..., Any]:
    """Return a function that accepts an invitation."""

    def accept(token: str, host: str = "acme.localhost", **body: str) -> Any:
        body = {"password": BETTER, **body}
        client = APIClient(headers={"Host": host})
        return client.post(f"{API}invitations/accept/", {"token": token, **body})

    return accept


INVALID = (400, "invalid_invitation")


@pytest.mark.parametrize("host", ["acme.localhost", "localhost"])
@pytest.mark.parametrize("role", ["viewer", "member", "admin"])
def test_ct14_invitee_gets_the_invited_role(
    role: str, host: str, acme: Any, owner: APIClient, accept: Callable[..., Any]
) -> None:
    _, token = invite(owner, "New@Example.test", role)
    response = accept(token, host, full_name="New", role="owner", tenant=str(uuid4()))
    assert response.status_code == 200, response.content
    assert response.json()["role"] == role
    assert response.json()["tenant"]["slug"] == "acme"
    membership = acme.memberships.get(user__email="new@example.test")
    assert _role(membership) == (role, True)
    body = {"email": "new@example.test", "password": BETTER}
    assert api_client(acme).post(f"{API}auth/token/", body).status_code == 200


def test_ct14_invitation_is_valid_in_its_tenant_only(
    acme: Any, globex: Any, owner: APIClient, accept: Callable[..., Any]
) -> None:
    _, token = invite(owner, "new@example.test")
    assert _refusal(accept(token, "globex.localhost")) == INVALID
    client = APIClient(headers={"Host": "localhost"})
    for slug in ("globex", "nobody", ""):
        body = {"token": token, "password": BETTER}
        headers = {"X-Tenant": slug}
        response = client.post(f"{API}invitations/accept/", body, headers=headers)
        assert _refusal(response) == INVALID
    assert not get_user_model()._default_manager.filter(email="new@example.test").exists()
    headers = {"X-Tenant": "acme"}
    response = client.post(f"{API}invitations/accept/", body, headers=headers)
    assert response.status_code == 200


def _expire(invitation: str) -> None:
    Invitation.platform.filter(pk=invitation).update(
        expires_at=timezone.now() - timedelta(seconds=1)
    )


def test_ct14_invalid_invitations_get_the_same_response(
    acme: Any, owner: APIClient, accept: Callable[..., Any]
) -> None:
    tokens = ["unknown"]
    expired, token = invite(owner, "expired@example.test")
    tokens.append(token)
    _expire(expired)
    revoked, token = invite(owner, "revoked@example.test")
    tokens.append(token)
    assert owner.delete(f"{API}invitations/{revoked}/").status_code == 204
    replaced, token = invite(owner, "replaced@example.test")
    tokens.append(token)
    with TestCase.captureOnCommitCallbacks(using=SHARED_DB, execute=True):
        assert owner.post(f"{API}invitations/{replaced}/resend/").status_code == 200
    _, used = invite(owner, "used@example.test")
    assert accept(used).status_code == 200
    tokens.append(used)
    answers = {accept(token).content for token in tokens}
    assert len(answers) == 1
    assert {accept(token).status_code for token in tokens} == {400}
    assert acme.memberships.count() == 2


@pytest.mark.django_db(transaction=True)
def test_ct14_concurrent_acceptances_succeed_once(acme: Any) -> None:
    make_member(acme, "owner")
    owner = api_client(acme, "owner@acme.test")
    for trial in range(3):
        email = f"new-{trial}@example.test"
        _, token = invite(owner, email)
        body = {"token": token, "password": BETTER}

        def ask(body: Any = body) -> int:
            return api_client(acme).post(f"{API}invitations/accept/", body).status_code

        assert sorted(at_once(4, ask)) == [200, 400, 400, 400]
        assert acme.memberships.filter(user__email=email).count() == 1


def test_ct14_existing_user_must_authenticate(
    acme: Any, globex: Any, owner: APIClient, accept: Callable[..., Any]
) -> None:
    make_member(globex, "member", "known@example.test")
    _, token = invite(owner, "known@example.test")
    for password in (BETTER, "wrong"):
        assert _refusal(accept(token, password=password)) == (401, "no_active_account")
    response = accept(token, password="")
    assert response.status_code == 400
    assert "password" in response.json()
    assert not acme.memberships.filter(user__email="known@example.test").exists()
    assert accept(token, password=PASSWORD).status_code == 200
    user = acme.memberships.get(user__email="known@example.test").user
    assert user.check_password(PASSWORD)
    assert Membership.objects.for_user(user).count() == 2


def test_ct14_access_token_of_the_invitee_is_accepted(
    acme: Any, globex: Any, owner: APIClient
) -> None:
    for email in ("known@example.test", "another@example.test"):
        make_member(globex, "member", email)
    _, token = invite(owner, "known@example.test")
    body = {"token": token}
    for email, status in (("another@example.test", 403), ("known@example.test", 200)):
        client = api_client(globex, email)
        at_acme = client.post(f"{API}invitations/accept/", body, headers={"Host": "acme.localhost"})
        assert _refusal(at_acme) == (401, "token_tenant_mismatch")
        response = client.post(f"{API}invitations/accept/", body, headers={"Host": "localhost"})
        assert response.status_code == status, response.content
    emails = set(acme.memberships.values_list("user__email", flat=True))
    assert emails == {"owner@acme.test", "known@example.test"}


def test_ct14_erased_user_cannot_join(acme: Any, globex: Any, owner: APIClient) -> None:
    make_member(globex, "member", "known@example.test")
    users: Any = get_user_model()._default_manager
    read_before = users.get(email="known@example.test")
    _, token = invite(owner, read_before.email)
    users.filter(pk=read_before.pk).update(email=f"{read_before.pk}@erased.invalid")
    with pytest.raises(NotFound):
        accept_invitation(HttpRequest(), token, None, read_before)
    assert not acme.memberships.filter(user=read_before).exists()
    assert not EmailAddress.objects.filter(email=read_before.email).exists()


def test_ct14_unverified_account_with_the_address_gets_nothing(
    acme: Any, owner: APIClient, accept: Callable[..., Any]
) -> None:
    """The squatter knows the password, but only the invitee reads the mail."""
    users: Any = get_user_model()._default_manager
    users.create_user("victim@example.test", PASSWORD)
    _, token = invite(owner, "victim@example.test")
    body = {"email": "victim@example.test", "password": PASSWORD}
    assert api_client(acme).post(f"{API}auth/token/", body).status_code == 401
    assert _refusal(accept(token, password=BETTER)) == (401, "no_active_account")
    users.filter(email="victim@example.test").update(is_active=False)
    assert _refusal(accept(token, password=PASSWORD)) == (401, "no_active_account")
    assert acme.memberships.count() == 1


def test_ct14_removed_member_returns_with_the_invited_role(
    acme: Any, owner: APIClient, accept: Callable[..., Any]
) -> None:
    member = make_member(acme, "admin", "back@example.test")
    assert owner.delete(f"{API}members/{member.pk}/").status_code == 204
    _, token = invite(owner, "back@example.test", "viewer")
    assert accept(token, password=PASSWORD).status_code == 200
    assert _role(member) == ("viewer", True)
    assert acme.memberships.filter(user=member.user).count() == 1


def test_ct14_old_invitation_does_not_change_a_role(
    acme: Any, owner: APIClient, accept: Callable[..., Any]
) -> None:
    _, token = invite(owner, "soon@example.test", "viewer")
    member = make_member(acme, "owner", "soon@example.test")
    response = accept(token, password=PASSWORD)
    assert (response.status_code, response.json()["role"]) == (200, "owner")
    assert _role(member) == ("owner", True)


@pytest.mark.parametrize("status", ["suspended", "archived"])
def test_ct14_suspended_tenant_admits_nobody(
    status: str, acme: Any, owner: APIClient, accept: Callable[..., Any]
) -> None:
    _, token = invite(owner, "new@example.test")
    type(acme).objects.update(status=status)
    assert accept(token, "localhost").status_code == 400
    assert accept(token).status_code >= 400
    assert acme.memberships.count() == 1


def test_ct14_token_appears_in_the_mail_only(
    acme: Any, owner: APIClient, accept: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        invitation, first = invite(owner, "new@example.test")
        with TestCase.captureOnCommitCallbacks(using=SHARED_DB, execute=True):
            resent = owner.post(f"{API}invitations/{invitation}/resend/")
        second = mailed_token()
        accept(first)
        answers = [
            owner.get(f"{API}{path}").content
            for path in ("invitations/", "members/", "audit-events/", "tenant/", "me/")
        ]
        answers += [resent.content, accept(second).content]
        answers += [owner.get(f"{API}audit-events/").content]
    assert first != second
    rows = repr([*Invitation.platform.values(), *acme.memberships.values()])
    written = b"".join(answers).decode() + rows + caplog.text
    stored = Invitation.platform.get(pk=invitation).token_hash
    assert first not in written
    assert second not in written
    assert stored not in b"".join(answers).decode()
    assert mail.outbox[-1].to == ["new@example.test"]
    assert UUID(invitation)
