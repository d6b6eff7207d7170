"""Changes of members on pages: confirmations and messages."""

from uuid import uuid4

import pytest

from apps.isolation.testing import make_member
from apps.memberships.models import Invitation, Membership
from apps.pages.testing import Visit
from apps.tenants.models import Tenant


@pytest.fixture
def mia(acme: Tenant) -> Membership:
    """Return a member with a name that looks like HTML."""
    member: Membership = make_member(acme, "member", "mia@acme.test")
    member.user.full_name = "Mia <b>"
    member.user.save()
    return member


def test_removal_needs_confirmation(acme: Tenant, mia: Membership, visit: Visit) -> None:
    client, path = visit("admin"), f"/members/{mia.pk}/remove/"
    assert f'href="{path}"' in client.get("/members/").content.decode()
    assert "Remove Mia &lt;b&gt;?" in client.get(path).content.decode()
    mia.refresh_from_db()
    assert mia.is_active
    page = client.post(path, follow=True)
    assert page.redirect_chain == [("/members/", 302)]
    assert "Mia &lt;b&gt; was removed." in page.content.decode()
    mia.refresh_from_db()
    assert not mia.is_active
    assert [client.get(path).status_code, client.post(path).status_code] == [404, 404]


def test_role_is_changed_on_a_page_of_its_own(mia: Membership, visit: Visit) -> None:
    client, path = visit("admin"), f"/members/{mia.pk}/role/"
    text = client.get(path).content.decode()
    assert "Viewer: reads" in text
    assert 'value="owner"' not in text
    assert 'value="owner"' in visit("owner").get(path).content.decode()
    assert client.post(path, {"role": "owner"}).status_code == 403
    assert client.post(path, {"role": "boss"}).status_code == 400
    page = client.post(path, {"role": "viewer"}, follow=True).content.decode()
    assert "Mia &lt;b&gt; is now Viewer." in page
    mia.refresh_from_db()
    assert mia.role == "viewer"


def test_admins_cannot_change_owners(acme: Tenant, visit: Visit) -> None:
    owner, client = make_member(acme, "owner"), visit("admin")
    assert str(owner.pk) not in client.get("/members/").content.decode()
    for action, body in (("remove", {}), ("role", {"role": "viewer"})):
        assert client.post(f"/members/{owner.pk}/{action}/", body).status_code == 403


@pytest.mark.parametrize("action", ["remove", "role"])
def test_members_of_other_tenants_are_not_found(action: str, globex: Tenant, visit: Visit) -> None:
    client, other = visit("owner"), make_member(globex, "member")
    for member_id in (other.pk, uuid4()):
        path = f"/members/{member_id}/{action}/"
        assert client.get(path).status_code == 404
        assert client.post(path, {"role": "viewer"}).status_code == 404


def test_messages_name_the_invited_address(acme: Tenant, visit: Visit) -> None:
    client = visit("admin")
    body = {"email": "new@acme.test", "role": "viewer"}
    page = client.post("/members/", body, follow=True).content.decode()
    assert "new@acme.test was invited as Viewer." in page
    path = f"/invitations/{Invitation.objects.for_tenant(acme).get().pk}"
    for action, done in (("resend", "sent again"), ("revoke", "revoked")):
        page = client.post(f"{path}/{action}/", follow=True).content.decode()
        assert f"The invitation of new@acme.test was {done}." in page
