"""An invitation is valid only while its sender may invite."""

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from apps.audit.models import AuditEvent
from apps.authentication.models import User
from apps.isolation.testing import api_client, make_member
from apps.isolation.testing.people import PASSWORD
from apps.memberships.models import Invitation, Membership
from apps.privacy.models import RequestKind
from apps.privacy.services import ask_as_platform
from apps.tenants.models import Tenant
from tests.support import invite

API = "/api/v1/"
SECOND = "second@example.test"
BETTER = "a battery staples no horses"


@pytest.fixture
def admin(acme: Tenant) -> Membership:
    make_member(acme, "owner")
    membership: Membership = make_member(acme, "admin")
    return membership


def owners(member: Membership) -> APIClient:
    client: APIClient = api_client(member.tenant, "owner@acme.test")
    return client


def own(member: Membership) -> APIClient:
    client: APIClient = api_client(member.tenant, "admin@acme.test")
    return client


def accept(token: str) -> Any:
    client = APIClient(headers={"Host": "acme.localhost"})
    body = {"token": token, "password": BETTER}
    return client.post(f"{API}invitations/accept/", body)


def refused(token: str) -> bool:
    response = accept(token)
    return (response.status_code, response.json().get("code")) == (400, "invalid_invitation")


def staff() -> Client:
    client = Client(headers={"Host": "localhost"})
    client.force_login(User.objects.create_superuser("staff@example.test", PASSWORD))
    return client


def in_admin(member: Membership, **body: str) -> None:
    staff().post(f"/admin/memberships/membership/{member.pk}/change/", body)


def by_command(member: Membership) -> None:
    arguments = ("acme", member.user.email, "--role", "member")
    call_command("assign_user_to_tenant", *arguments, stdout=StringIO())


LOSSES: dict[str, Callable[[Membership], Any]] = {
    "demoted": lambda of: owners(of).patch(f"{API}members/{of.pk}/", {"role": "member"}),
    "removed": lambda of: owners(of).delete(f"{API}members/{of.pk}/"),
    "gone": lambda of: own(of).post(f"{API}members/leave/"),
    "demoted by staff": lambda of: in_admin(of, role="viewer", is_active="on"),
    "removed by staff": lambda of: in_admin(of, role="admin"),
    "demoted by a command": by_command,
    "to be erased": lambda of: ask_as_platform(of.tenant_id, RequestKind.ERASE, of.user_id),
}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES.keys())
@pytest.mark.parametrize("role", ["admin", "viewer"])
def test_losing_the_right_to_invite_revokes_invitations(
    role: str, loss: Callable[[Membership], Any], admin: Membership
) -> None:
    """Otherwise a removed Admin could return with a second address."""
    _, token = invite(own(admin), SECOND, role)
    loss(admin)
    assert Invitation.platform.get().revoked_at is not None
    assert refused(token)
    assert not User.objects.filter(email=SECOND).exists()
    assert AuditEvent.platform.filter(action="invitation.revoked").count() == 1


def test_invitation_stays_revoked_after_a_return(admin: Membership) -> None:
    _, token = invite(own(admin), SECOND, "admin")
    for role in ("member", "admin"):
        owners(admin).patch(f"{API}members/{admin.pk}/", {"role": role})
    assert refused(token)


def test_deactivated_inviter_invalidates_the_invitation(admin: Membership) -> None:
    """A deactivated user is still a member, so the sender is checked on acceptance."""
    _, token = invite(own(admin), SECOND, "admin")
    User.objects.filter(pk=admin.user_id).update(is_active=False)
    assert refused(token)


@pytest.mark.parametrize("change", [{"role": "member"}, {"is_active": False}])
def test_change_without_the_service_is_checked_on_acceptance(
    change: dict[str, Any], admin: Membership
) -> None:
    _, token = invite(own(admin), SECOND)
    Membership.platform.filter(pk=admin.pk).update(**change)
    assert refused(token)


def test_invitation_without_a_sender_is_invalid(admin: Membership) -> None:
    _, token = invite(own(admin), SECOND)
    Invitation.platform.update(invited_by=None)
    assert refused(token)


def test_invitations_of_others_stay(admin: Membership, globex: Tenant) -> None:
    by_owner, token = invite(owners(admin), SECOND)
    mine, _ = invite(own(admin), "third@example.test")
    owners(admin).post(f"{API}invitations/{mine}/resend/")
    make_member(globex, "admin", admin.user.email)
    elsewhere, _ = invite(api_client(globex, admin.user.email), SECOND)
    owners(admin).delete(f"{API}members/{admin.pk}/")
    still_open = Invitation.platform.filter(revoked_at=None).values_list("pk", flat=True)
    assert {str(pk) for pk in still_open} == {by_owner, mine, elsewhere}
    assert accept(token).status_code == 200


@pytest.mark.parametrize("role", ["owner", "admin"])
def test_sufficient_role_keeps_invitations(role: str, admin: Membership) -> None:
    _, token = invite(own(admin), SECOND, "admin")
    make_member(admin.tenant, "owner", "another@acme.test")
    owners(admin).patch(f"{API}members/{admin.pk}/", {"role": role})
    assert accept(token).status_code == 200


def test_closed_invitations_are_not_revoked(admin: Membership) -> None:
    _, token = invite(own(admin), SECOND)
    accept(token)
    owners(admin).delete(f"{API}members/{admin.pk}/")
    assert Invitation.platform.get().revoked_at is None


def test_admin_cannot_manage_an_owners_invitation(admin: Membership) -> None:
    """An Admin can neither resend nor revoke it. An Owner can resend it unchanged."""
    row = Invitation(tenant=admin.tenant, email=SECOND, role="owner", token_hash="x")
    row.expires_at = timezone.now()
    row.save()
    place = f"{API}invitations/{row.pk}/"
    answers = [own(admin).post(f"{place}resend/"), own(admin).delete(place)]
    answers += [owners(admin).post(f"{place}resend/"), owners(admin).delete(place)]
    assert [answer.status_code for answer in answers] == [403, 403, 200, 204]
    assert Invitation.platform.get().invited_by is None
